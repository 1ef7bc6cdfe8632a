import type { FrameOf } from "./frame-schema.ts";
import type { DifyNodeEvent } from "./types.ts";

const MS_PER_SECOND = 1_000;

/** Frames of the workflow's nodes, by name. An iteration or a loop is a node that tells its rounds. */
const PHASES = {
  node_started: "started",
  node_retry: "retried",
  node_finished: "finished",
  iteration_started: "started",
  iteration_next: "next_round",
  iteration_completed: "finished",
  loop_started: "started",
  loop_next: "next_round",
  loop_completed: "finished",
} as const satisfies Readonly<Record<string, DifyNodeEvent["phase"]>>;

export type NodeFrame = FrameOf<keyof typeof PHASES>;

/** What a frame tells of a node; undefined when it does not say of which. */
export function nodeEventOf(frame: NodeFrame): DifyNodeEvent | undefined {
  const { data } = frame;
  const nodeId = data.node_id || data.id || data.title;
  if (!nodeId) return undefined;
  return {
    kind: "node",
    phase: PHASES[frame.event],
    nodeId,
    executionId: data.id || nodeId,
    title: data.title || nodeId,
    type: data.node_type || undefined,
    status: ("status" in data && data.status) || undefined,
    error: ("error" in data && data.error) || undefined,
    startedAtMs: toMilliseconds(data.created_at),
    elapsedMs: "elapsed_time" in data ? toMilliseconds(data.elapsed_time) : undefined,
    round: roundOf(frame),
    // Iterations and loops sum up their inner nodes, which told their cost themselves.
    cost: frame.event === "node_finished" ? costOf(frame.data.execution_metadata) : undefined,
  };
}

function roundOf({ data }: NodeFrame): number | undefined {
  // Dify counts rounds from 0.
  if ("index" in data && data.index != null) return data.index + 1;
  return ("steps" in data && data.steps) || undefined;
}

const toMilliseconds = (seconds: number | null | undefined): number | undefined =>
  seconds == null ? undefined : Math.round(seconds * MS_PER_SECOND);

function costOf(told: FrameOf<"node_finished">["data"]["execution_metadata"]): DifyNodeEvent["cost"] {
  return told ? { amount: told.total_price, currency: told.currency } : undefined;
}
