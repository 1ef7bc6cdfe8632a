import { filesOf } from "./file-object.ts";
import { elapsedSeconds, emit, type NodeRecord, type Run } from "./run.ts";
import { toSeconds } from "./seconds.ts";
import type { World } from "./world.ts";

export type NodePlan = Pick<NodeRecord, "nodeId" | "nodeType" | "title" | "index"> &
  Partial<Pick<NodeRecord, "within">>;
type Values = Readonly<Record<string, unknown>>;
type NodeIo = { readonly inputs: Values; readonly outputs: Values | null; readonly processData?: Values };

/** Fault durations and node times are real milliseconds, so the scale is taken out again. */
export function sleepReal({ time }: World, ms: number, signal: AbortSignal): Promise<void> {
  return time.sleep(ms / time.span(1), signal);
}

/** Begins a node and tells of it. */
export function startNode({ time, random }: World, run: Run, { within, ...plan }: NodePlan): NodeRecord {
  const node: NodeRecord = {
    ...plan,
    id: random.uuid(),
    within,
    createdAtMs: time.now(),
    finishedAtMs: undefined,
    status: "running",
    error: null,
  };
  run.nodes.push(node);
  emit(run, "node_started", {
    ...headOf(node),
    inputs: null,
    inputs_truncated: false,
    created_at: toSeconds(node.createdAtMs),
    extras: {},
    ...placeOf(node),
    agent_strategy: null,
  });
  return node;
}

/** Ends a node, well unless its status says otherwise, and counts what it used. */
export function finishNode(world: World, run: Run, node: NodeRecord, io: NodeIo): void {
  if (node.status === "running") node.status = "succeeded";
  node.finishedAtMs = world.time.now();
  run.totalSteps += 1;
  const { model } = run.app;
  const used = node.nodeType === "llm" && node.status !== "failed" ? model : undefined;
  run.totalTokens += used?.tokens ?? 0;
  const metadata = used && { total_tokens: used.tokens, total_price: used.price, currency: used.currency };
  emit(run, "node_finished", { ...nodeData(world, node, io), execution_metadata: metadata ?? null });
}

/** The `data` of `node_finished` and `node_retry`. */
export function nodeData({ time }: World, node: NodeRecord, { inputs, outputs, processData = {} }: NodeIo) {
  const finishedAtMs = node.finishedAtMs ?? time.now();
  return {
    ...headOf(node),
    inputs,
    inputs_truncated: false,
    process_data: processData,
    process_data_truncated: false,
    outputs,
    outputs_truncated: false,
    status: node.status,
    error: node.error,
    elapsed_time: elapsedSeconds(node.createdAtMs, finishedAtMs),
    execution_metadata: null,
    created_at: toSeconds(node.createdAtMs),
    finished_at: toSeconds(finishedAtMs),
    files: filesOf(outputs),
    ...placeOf(node),
  };
}

/** What each frame of a node begins with. */
export const headOf = (node: NodeRecord) => ({
  id: node.id,
  node_id: node.nodeId,
  node_type: node.nodeType,
  title: node.title,
  index: node.index,
  predecessor_node_id: null,
});

/** Which iteration or loop a node is part of, as its frames tell it. */
export const placeOf = ({ within }: Pick<NodeRecord, "within">) => ({
  iteration_id: within?.kind === "iteration" ? within.nodeId : null,
  loop_id: within?.kind === "loop" ? within.nodeId : null,
});
