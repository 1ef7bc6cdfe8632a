import type { z } from "zod";
import type { Log } from "../telemetry/log.ts";
import { type Frame, type FrameOf, handlesSchema, readFrame } from "./frame-schema.ts";
import { nodeEventOf } from "./node-event.ts";
import type { DifyRunEvent } from "./types.ts";

/** Reads the data of one frame and tells the events it means, in order; may be none. */
export type ReadFrame = (text: string) => void;

/** Characters of an unknown name that are kept. */
const NAME_CHARS = 60;

/**
 * Reads the frames of one stream. Handles are taken from any frame that carries them, since the first frames
 * may be lost on Dify's side; each new handle is told once. Frames of a name we do not know are told as such, and
 * those we cannot read are skipped: a stream that thereby misses its end is truncated, and the run's record tells
 * the rest.
 */
export function createFrameReader(log: Log, tell: (event: DifyRunEvent) => void): ReadFrame {
  const handles = createHandleWatch(tell);
  const toEvent = createTranslator();

  return (text) => {
    const whole = parseJson(text);
    if (typeof whole !== "object" || whole === null || !("event" in whole) || typeof whole.event !== "string") {
      log.warn("dify.frame_skipped", { reason: "no event object", chars: text.length });
      return;
    }
    if (!handles.areTold()) handles.look(whole);
    // Nearly all frames are these, and nothing is taken from them: the outputs tell the text again, whole. Not even
    // their shape matters then, and to look at it costs a twelfth of what it takes to parse them.
    if (whole.event === "text_chunk") return;
    const frame = readFrame(whole.event, whole);
    if (typeof frame === "object") {
      const event = toEvent(frame);
      if (event !== undefined) tell(event);
      return;
    }
    const name = whole.event.slice(0, NAME_CHARS);
    if (frame === "unknown name") {
      log.debug("dify.frame_unknown", { name });
      tell({ kind: "unknown", name });
    } else log.warn("dify.frame_skipped", { reason: frame, name });
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
function createHandleWatch(tell: (event: DifyRunEvent) => void): {
  /** Whether there is nothing left to learn. */
  areTold(): boolean;
  look(whole: object): void;
} {
  let known: Partial<Pick<z.output<typeof handlesSchema>, "workflow_run_id" | "task_id">> = {};
  let isRunTold = false;
  let isTaskTold = false;
  return {
    areTold: () => isTaskTold,
    look: (whole) => {
      const told = handlesSchema.parse(whole);
      const workflowRunId = known.workflow_run_id ?? told.workflow_run_id;
      const task = known.task_id ?? told.task_id;
      const taskId = task === workflowRunId ? undefined : task;
      known = { workflow_run_id: workflowRunId, task_id: taskId };
      if (workflowRunId === undefined || (isRunTold && taskId === undefined)) return;
      isRunTold = true;
      isTaskTold = taskId !== undefined;
      tell({ kind: "handles", workflowRunId, ...(taskId === undefined ? {} : { taskId }) });
    },
  };
}

/** What each frame of one stream means to the relay, undefined for nothing. */
function createTranslator(): (frame: Frame) => DifyRunEvent | undefined {
  const formTokens = new Set<string>();
  return (frame) => {
    switch (frame.event) {
      case "text_chunk":
      case "reasoning_chunk":
      case "agent_log":
      case "workflow_started":
      case "human_input_form_filled":
      case "human_input_form_timeout":
      case "tts_message":
      case "tts_message_end":
        return undefined;
      case "node_started":
      case "node_retry":
      case "node_finished":
      case "iteration_started":
      case "iteration_next":
      case "iteration_completed":
      case "loop_started":
      case "loop_next":
      case "loop_completed":
        return nodeEventOf(frame);
      case "ping":
        return { kind: "ping" };
      case "human_input_required":
        if (frame.data.form_token) formTokens.add(frame.data.form_token);
        return undefined;
      case "workflow_paused":
        for (const { form_token } of frame.data.reasons) if (form_token) formTokens.add(form_token);
        return { kind: "paused", formTokens: [...formTokens] };
      case "workflow_finished":
        return finishedEvent(frame);
      case "error":
        return errorEvent(frame);
      default:
        return frame satisfies never;
    }
  };
}

function finishedEvent({ data }: FrameOf<"workflow_finished">): DifyRunEvent {
  return {
    kind: "finished",
    status: data.status,
    outputs: data.outputs,
    ...(data.workflow_id === undefined ? {} : { workflowId: data.workflow_id }),
    ...(data.error === undefined ? {} : { error: data.error }),
    ...(data.total_tokens == null ? {} : { totalTokens: data.total_tokens }),
    ...(data.total_steps == null ? {} : { totalSteps: data.total_steps }),
    ...(data.elapsed_time == null ? {} : { elapsedMs: Math.round(data.elapsed_time * 1_000) }),
  };
}

function errorEvent({ data: { code, status, message } }: FrameOf<"error">): DifyRunEvent {
  return { kind: "error", ...(code == null ? {} : { code }), status, message };
}
