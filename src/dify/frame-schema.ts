import { z } from "zod";
import { errorTextSchema, outputsSchema } from "./run-schema.ts";

/**
 * The frames of a run's stream, one schema for each event of the Service API (Dify 1.9 to 1.17). Added members are
 * allowed and dropped, as are those that can be megabytes and say nothing to the relay: inputs and outputs of nodes.
 *
 * Members that only describe may be missing, as they are in snapshots and older versions; a frame is refused only for
 * what it cannot do without, or for a member of another type. Every frame carries handles as well; `handlesSchema` reads them.
 */

const described = z.string().nullish();
const count = z.int().min(0).nullish();
const seconds = z
  .number()
  .min(0)
  .max(Number.MAX_SAFE_INTEGER / 1_000)
  .nullish();

/** A node, an iteration or a loop; some frames name it by `id` or `title` alone. */
const node = {
  id: described,
  node_id: described,
  node_type: described,
  title: described,
  created_at: seconds,
};
const ended = { ...node, status: described, error: described, elapsed_time: seconds };

/** Prices are decimals in text, or numbers; nodes without a model have none. */
const costSchema = z
  .object({ total_price: z.coerce.number().positive(), currency: z.string().regex(/^[A-Za-z]{3,8}$/) })
  .nullish()
  .catch(undefined);

const started = z.object(node);
const round = z.object({ ...node, index: count });
/** Iterations and loops sum up their inner nodes. */
const sum = z.object({ ...ended, steps: count });
const form = z.object({ form_token: described });

/** The `data` of each event. */
const DATA = {
  workflow_started: z.object({ id: z.string().nullish(), reason: described }),
  workflow_finished: z.object({
    workflow_id: z.string().min(1).optional().catch(undefined),
    status: z.enum(["succeeded", "failed", "stopped", "partial-succeeded"]),
    outputs: outputsSchema,
    error: errorTextSchema,
    total_tokens: z.number().nullish(),
    total_steps: z.number().nullish(),
    elapsed_time: z.number().nullish(),
  }),
  node_started: started,
  node_retry: z.object({ ...ended, retry_index: count }),
  node_finished: z.object({ ...ended, execution_metadata: costSchema }),
  iteration_started: started,
  iteration_next: round,
  iteration_completed: sum,
  loop_started: started,
  loop_next: round,
  loop_completed: sum,
  text_chunk: z.object({ text: z.string() }),
  reasoning_chunk: z.object({ reasoning: z.string() }),
  agent_log: z.object({ id: z.string(), label: described, status: described }),
  human_input_required: form,
  human_input_form_filled: z.object({ node_id: described, action_id: described }),
  human_input_form_timeout: z.object({ node_id: described }),
  workflow_paused: z.object({ reasons: z.array(form.catch({ form_token: undefined })).catch([]) }),
} as const;

/** Events that have their members beside their name, without `data`. */
const BARE = {
  error: z.object({
    code: z.string().nullish(),
    status: z.number().catch(500),
    message: z.string().catch(""),
  }),
  tts_message: z.object({ audio: z.string() }),
  tts_message_end: z.object({}),
  ping: z.object({}),
} as const;

const SCHEMAS = { ...DATA, ...BARE } as const;
type Name = keyof typeof SCHEMAS;

export type FrameOf<Event extends Name> = {
  [Each in Event]: { readonly event: Each; readonly data: z.output<(typeof SCHEMAS)[Each]> };
}[Event];
/** A frame that could be read. `data` is what it tells, wherever that stood. */
export type Frame = FrameOf<Name>;

const BY_NAME: ReadonlyMap<string, { readonly schema: z.ZodType; readonly isBare: boolean }> = new Map(
  Object.entries(SCHEMAS).map(([name, schema]) => [name, { schema, isBare: name in BARE }]),
);

/**
 * Looked up by name: a discriminated union takes three times as long.
 *
 * @returns why it could not be read, if so
 */
export function readFrame(name: string, whole: object): Frame | "unknown name" | "unexpected shape" {
  const known = BY_NAME.get(name);
  if (known === undefined) return "unknown name";
  const told: unknown = known.isBare ? whole : "data" in whole ? whole.data : undefined;
  const { data, success } = known.schema.safeParse(told);
  // The compiler cannot follow a look-up by name.
  return success ? ({ event: name, data } as Frame) : "unexpected shape";
}

const MAX_HANDLE_CHARS = 200;
const handle = z.string().min(1).max(MAX_HANDLE_CHARS).optional().catch(undefined);

/** The handles that a frame may carry, known or not. */
export const handlesSchema = z.object({ workflow_run_id: handle, task_id: handle });
