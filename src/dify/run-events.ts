import { z } from "zod";
import type { Log } from "../telemetry/log.ts";
import { readNodeEvent } from "./node-event.ts";
import { errorTextSchema, outputsSchema } from "./run-schema.ts";
import type { DifyRunEvent } from "./types.ts";

const MAX_HANDLE_CHARS = 200;
const handleOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" && value.length <= MAX_HANDLE_CHARS ? value : undefined;

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

/** Reads the data of one frame and tells the events it means, in order; may be none. */
export type ReadFrame = (text: string) => void;

/**
 * Reads the frames of one stream. Handles are taken from any frame that carries them, since the first frames
 * may be lost on Dify's side; each new handle is told once. Names we do not know and frames we cannot read are
 * skipped: a stream that thereby misses its end is truncated, and the run's record tells the rest.
 */
export function createFrameReader(log: Log, tell: (event: DifyRunEvent) => void): ReadFrame {
  const handles = createHandleWatch(tell);
  const formTokens = new Set<string>();

  const meaningOf = (name: string, data: unknown, whole: object): DifyRunEvent | undefined => {
    switch (name) {
      // Nearly all frames are these; the run's outputs tell the text again, whole.
      case "text_chunk":
        return undefined;
      case "ping":
        return { kind: "ping" };
      case "human_input_required":
        noteFormToken(formTokens, data);
        return undefined;
      case "workflow_paused":
        for (const reason of pausedSchema.parse(data ?? {}).reasons) noteFormToken(formTokens, reason);
        return { kind: "paused", formTokens: [...formTokens] };
      case "workflow_finished":
        return finishedEvent(data);
      case "error":
        return errorEvent(whole);
      default:
        return readNodeEvent(name, data);
    }
  };

  return (text) => {
    const whole = parseJson(text);
    // The envelope is read by hand: most frames are pieces of text and say nothing else to us.
    if (typeof whole !== "object" || whole === null || !("event" in whole) || typeof whole.event !== "string") {
      log.warn("dify.frame_skipped", { reason: "no event object", chars: text.length });
      return;
    }
    handles.look(whole);
    try {
      const event = meaningOf(whole.event, "data" in whole ? whole.data : undefined, whole);
      if (event !== undefined) tell(event);
    } catch {
      log.warn("dify.frame_skipped", { reason: "unexpected shape", name: whole.event.slice(0, 60) });
    }
  };
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
function createHandleWatch(tell: (event: DifyRunEvent) => void): { look(frame: object): void } {
  let workflowRunId: string | undefined;
  let taskId: string | undefined;
  let isRunTold = false;
  let isTaskTold = false;
  return {
    look: (frame) => {
      if (isTaskTold) return;
      workflowRunId ??= "workflow_run_id" in frame ? handleOf(frame.workflow_run_id) : undefined;
      taskId ??= "task_id" in frame ? handleOf(frame.task_id) : undefined;
      if (taskId === workflowRunId) taskId = undefined;
      if (workflowRunId === undefined || (isRunTold && taskId === undefined)) return;
      isRunTold = true;
      isTaskTold = taskId !== undefined;
      tell({ kind: "handles", workflowRunId, ...(taskId === undefined ? {} : { taskId }) });
    },
  };
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
