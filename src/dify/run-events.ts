import { z } from "zod";
import type { Log } from "../telemetry/log.ts";
import type { Frame } from "./frame-decoder.ts";
import { errorTextSchema, outputsSchema } from "./run-schema.ts";
import type { DifyRunEvent } from "./types.ts";

/** What every frame may carry; read by hand, because most frames are pieces of text and say nothing else to us. */
type FrameBody = {
  readonly event: string;
  readonly runId: string | undefined;
  readonly taskId: string | undefined;
  readonly data: unknown;
};

const MAX_HANDLE_CHARS = 200;
const handleOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" && value.length <= MAX_HANDLE_CHARS ? value : undefined;

function frameBodyOf(whole: unknown): FrameBody | undefined {
  if (typeof whole !== "object" || whole === null || !("event" in whole) || typeof whole.event !== "string")
    return undefined;
  return {
    event: whole.event,
    runId: "workflow_run_id" in whole ? handleOf(whole.workflow_run_id) : undefined,
    taskId: "task_id" in whole ? handleOf(whole.task_id) : undefined,
    data: "data" in whole ? whole.data : undefined,
  };
}

/** Prices are decimals in text, or numbers; nodes without a model have none. */
const costSchema = z
  .object({ total_price: z.coerce.number().positive(), currency: z.string().regex(/^[A-Za-z]{3,8}$/) })
  .transform(({ total_price, currency }) => ({ amount: total_price, currency }));

function costOf(metadata: unknown): z.output<typeof costSchema> | undefined {
  if (typeof metadata !== "object" || metadata === null || !("total_price" in metadata)) return undefined;
  return costSchema.safeParse(metadata).data;
}

const nodeSchema = z.object({
  title: z.string().catch(""),
  status: z.string().optional().catch(undefined),
  execution_metadata: z.unknown().optional(),
});

const finishedSchema = z.object({
  status: z.enum(["succeeded", "failed", "stopped", "partial-succeeded"]),
  outputs: outputsSchema,
  error: errorTextSchema,
  total_tokens: z.number().nullish(),
  total_steps: z.number().nullish(),
  elapsed_time: z.number().nullish(),
});

const errorSchema = z.object({
  code: z.string().nullish(),
  status: z.number().catch(500),
  message: z.string().catch(""),
});

const formSchema = z.object({ form_token: z.string().nullish() });
const pausedSchema = z.object({ reasons: z.array(z.unknown()).catch([]) });

/** Turns one frame into the events it means, in order; may be none. */
export type ReadFrame = (frame: Frame) => readonly DifyRunEvent[];

/**
 * Reads the frames of one stream. Handles are taken from any frame that carries them, since the first frames
 * may be lost on Dify's side; each new handle is told once. Names we do not know and frames we cannot read are
 * skipped: a stream that thereby misses its end is truncated, and the run's record tells the rest.
 */
export function createFrameReader(log: Log): ReadFrame {
  const handles = createHandleWatch();
  const formTokens = new Set<string>();

  const readBody = (body: FrameBody, whole: unknown): readonly DifyRunEvent[] => {
    switch (body.event) {
      case "ping":
        return [{ kind: "ping" }];
      case "node_started":
      case "iteration_started":
      case "loop_started":
        return [nodeEvent("started", body.data)];
      case "node_finished":
        return [nodeEvent("finished", body.data)];
      case "iteration_completed":
      case "loop_completed":
        return [withoutCost(nodeEvent("finished", body.data))];
      case "human_input_required":
        noteFormToken(formTokens, body.data);
        return [];
      case "workflow_paused":
        for (const reason of pausedSchema.parse(body.data ?? {}).reasons) noteFormToken(formTokens, reason);
        return [{ kind: "paused", formTokens: [...formTokens] }];
      case "workflow_finished":
        return [finishedEvent(body.data)];
      case "error":
        return [errorEvent(whole)];
      default:
        return [];
    }
  };

  return (frame) => {
    if (frame.kind === "ping") return [frame];
    const whole = parseJson(frame.text);
    const body = frameBodyOf(whole);
    if (body === undefined) {
      log.warn("dify.frame_skipped", { reason: "no event object", chars: frame.text.length });
      return [];
    }
    const found = handles(body.runId, body.taskId);
    const told = readKnown(() => readBody(body, whole), body.event);
    return found.length === 0 ? told : [...found, ...told];
  };

  function readKnown(read: () => readonly DifyRunEvent[], name: string): readonly DifyRunEvent[] {
    try {
      return read();
    } catch {
      log.warn("dify.frame_skipped", { reason: "unexpected shape", name: name.slice(0, 60) });
      return [];
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // told as what it is: no event object
  }
}

/**
 * Tells handles when they are new. A task id that equals the run id is none: snapshots and frames made up
 * after an early failure put the run id there.
 */
function createHandleWatch(): (runId: string | undefined, taskId: string | undefined) => readonly DifyRunEvent[] {
  let workflowRunId: string | undefined;
  let taskId: string | undefined;
  let toldTask: string | undefined;
  let toldRun: string | undefined;
  return (seenRun, seenTask) => {
    workflowRunId ??= seenRun;
    taskId ??= seenTask;
    if (taskId === workflowRunId) taskId = undefined;
    if (workflowRunId === undefined || (workflowRunId === toldRun && taskId === toldTask)) return [];
    toldRun = workflowRunId;
    toldTask = taskId;
    return [{ kind: "handles", workflowRunId, ...(taskId === undefined ? {} : { taskId }) }];
  };
}

function nodeEvent(phase: "started" | "finished", data: unknown): DifyRunEvent {
  const { title, status, execution_metadata } = nodeSchema.parse(data);
  const cost = costOf(execution_metadata);
  return { kind: "node", phase, title, ...(status === undefined ? {} : { status }), ...(cost ? { cost } : {}) };
}

/** Iterations and loops sum up their inner nodes, which told their cost themselves. */
function withoutCost(event: DifyRunEvent): DifyRunEvent {
  if (event.kind !== "node") return event;
  const { cost: _told, ...rest } = event;
  return rest;
}

function finishedEvent(data: unknown): DifyRunEvent {
  const wire = finishedSchema.parse(data);
  return {
    kind: "finished",
    status: wire.status,
    outputs: wire.outputs,
    ...(wire.error === undefined ? {} : { error: wire.error }),
    ...(wire.total_tokens == null ? {} : { totalTokens: wire.total_tokens }),
    ...(wire.total_steps == null ? {} : { totalSteps: wire.total_steps }),
    ...(wire.elapsed_time == null ? {} : { elapsedMs: Math.round(wire.elapsed_time * 1_000) }),
  };
}

function errorEvent(whole: unknown): DifyRunEvent {
  const { code, status, message } = errorSchema.parse(whole);
  return { kind: "error", ...(code == null ? {} : { code }), status, message };
}

function noteFormToken(tokens: Set<string>, data: unknown): void {
  const form = formSchema.safeParse(data);
  if (form.success && form.data.form_token) tokens.add(form.data.form_token);
}
