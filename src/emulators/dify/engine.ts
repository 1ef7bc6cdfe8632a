import { asText, fileObject, filesOf } from "./file-object.ts";
import { detectType, extensionOf } from "./file-types.ts";
import { finishNode, nodeData, sleepReal, startNode } from "./nodes.ts";
import { playParts } from "./parts.ts";
import { pauseForForm } from "./pause.ts";
import {
  elapsedSeconds,
  emit,
  emitAudio,
  isFinished,
  type NodeRecord,
  publish,
  type Run,
  type RunStatus,
  startedData,
} from "./run.ts";
import { toSeconds } from "./seconds.ts";
import { documentWork, type WorkContext } from "./work.ts";
import type { World } from "./world.ts";

/** The three nodes of the emulated workflow, and their share of its time. */
const NODES = {
  start: { nodeId: "start", nodeType: "start", title: "Start", index: 1, share: 0.1 },
  work: { nodeId: "work", title: "Work", index: 2, share: 0.8 },
  end: { nodeId: "end", nodeType: "end", title: "Output", index: 3, share: 0.1 },
} as const;
/** A little silence, in base64. */
const SPOKEN = "AAAA";
type Values = Readonly<Record<string, unknown>>;

/** Ends the engine's work on a run early; the stream and the row may tell it differently. */
class RunEnding extends Error {
  readonly streamStatus: RunStatus;
  readonly rowStatus: RunStatus;
  constructor(streamStatus: RunStatus, rowStatus: RunStatus, reason: string) {
    super(reason);
    this.streamStatus = streamStatus;
    this.rowStatus = rowStatus;
  }
}

/** Runs a workflow to its end, whoever listens. Settles without a throw. */
export async function executeRun(world: World, run: Run): Promise<void> {
  const signal = AbortSignal.any([world.signal, run.stop.signal]);
  const pings = new AbortController();
  try {
    const delay = run.plan.find("queue_delay");
    if (delay !== undefined) await sleepReal(world, delay.ms, signal);
    const silence = run.plan.find("silence");
    if (silence?.run === "dead") return;
    world.background(pingWhileRunning(world, run, AbortSignal.any([world.signal, pings.signal])));
    await executeNodes(world, run, signal);
  } catch (error) {
    if (!world.signal.aborted) endEarly(world, run, error);
  } finally {
    pings.abort();
  }
  const lostMs = run.plan.find("lost_after_start")?.ms;
  if (lostMs === undefined) return;
  await sleepReal(world, lostMs, signal).catch(() => undefined);
  publish(run, { kind: "end", because: "finished" });
}

async function pingWhileRunning({ time, settings }: World, run: Run, signal: AbortSignal): Promise<void> {
  try {
    while (!isFinished(run)) {
      await time.sleep(settings.pingMs, signal);
      if (run.status !== "paused") publish(run, { kind: "ping" });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function executeNodes(world: World, run: Run, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  run.status = "running";
  run.createdAtMs = world.time.now();
  emit(run, "workflow_started", startedData(run, world.traits.profile));
  const declared = Object.fromEntries(Object.entries(run.inputs).filter(([name]) => !name.startsWith("sys.")));

  const start = startNode(world, run, NODES.start);
  await sleepReal(world, world.settings.workMs * NODES.start.share, signal);
  finishNode(world, run, start, { inputs: declared, outputs: declared });

  if (run.plan.find("lost_after_start") !== undefined) return;
  const failure = run.plan.find("error_frame");
  if (failure !== undefined) return failEngine(world, run, failure);

  const outputs = await executeWork(world, run, declared, signal);
  if (run.plan.find("time_limit") !== undefined)
    throw new RunEnding("failed", "stopped", "Maximum execution time exceeded: 1203.10s > 1200s");

  const end = startNode(world, run, NODES.end);
  await sleepReal(world, world.settings.workMs * NODES.end.share, signal);
  finishNode(world, run, end, { inputs: outputs, outputs });

  const status = run.exceptionsCount > 0 ? "partial-succeeded" : "succeeded";
  finishRun(world, run, { streamStatus: status, rowStatus: status, outputs, error: null });
}

async function executeWork(world: World, run: Run, declared: Values, signal: AbortSignal): Promise<Values> {
  await playParts(world, run, NODES.end.index, signal);
  const node = startNode(world, run, { ...NODES.work, nodeType: run.app.model === undefined ? "code" : "llm" });
  for (let index = 1; index <= (run.plan.find("node_retry")?.times ?? 0); index += 1) {
    const tried = nodeData(world, node, { inputs: declared, outputs: null });
    emit(run, "node_retry", { ...tried, status: "retry", error: "emulated retry", retry_index: index });
  }
  await sleepReal(world, world.settings.workMs * NODES.work.share, signal);
  const answer = await pauseForForm(world, run, node, signal);
  const outputs = await doWork(world, run, node, { inputs: declared, answer }, signal);
  const partial = run.plan.find("partial");
  if (partial !== undefined) {
    run.exceptionsCount += 1;
    node.status = "exception";
    node.error = partial.message;
  }
  for (const [position, [name, value]] of Object.entries(outputs).entries()) {
    if (position > 0) emit(run, "text_chunk", { text: "\n", from_variable_selector: [NODES.end.nodeId, "answer"] });
    emit(run, "text_chunk", { text: asText(value), from_variable_selector: [NODES.work.nodeId, name] });
  }
  const padding = run.plan.find("large_frame");
  const processData = padding === undefined ? {} : { padding: "x".repeat(padding.bytes) };
  finishNode(world, run, node, { inputs: declared, outputs, processData });
  return outputs;
}

async function doWork(
  world: World,
  run: Run,
  node: NodeRecord,
  given: Pick<WorkContext, "inputs" | "answer">,
  signal: AbortSignal,
): Promise<Values> {
  try {
    const failure = run.plan.find("node_failure");
    if (failure !== undefined) throw new Error(failure.message);
    const work = run.app.work ?? documentWork;
    return await work({
      ...given,
      files: run.files,
      makeFile: (file) => makeToolFile(world, run, file),
      say: (text) => emit(run, "text_chunk", { text, from_variable_selector: [NODES.work.nodeId, "text"] }),
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw error;
    node.status = "failed";
    node.error = error instanceof Error ? error.message : String(error);
    finishNode(world, run, node, { inputs: given.inputs, outputs: null });
    throw new RunEnding("failed", "failed", node.error);
  }
}

async function makeToolFile(
  { traits, blobs, random, toolFiles, links }: World,
  { app }: Run,
  file: { name: string; mimeType: string; content: AsyncIterable<string | Uint8Array> },
): Promise<object> {
  const { key, size } = await blobs.put(file.content);
  const id = random.uuid();
  const suffix = extensionOf(file.name);
  const extension = suffix === "" ? ".bin" : `.${suffix}`;
  toolFiles.set(id, { id, name: file.name, extension, mimeType: file.mimeType, size, blobKey: key });
  return fileObject(traits.profile, {
    tenantId: app.tenantId,
    type: detectType(suffix, file.mimeType),
    method: "tool_file",
    recordId: id,
    name: file.name,
    extension,
    mimeType: file.mimeType,
    size,
    url: links.tool(id, extension),
  });
}

type Ending = { streamStatus: RunStatus; rowStatus: RunStatus; outputs: Values | null; error: string | null };

/** Writes the row, then tells the stream. The row is the truth; the two may differ on aborts. */
function finishRun({ time }: World, run: Run, { streamStatus, rowStatus, outputs, error }: Ending): void {
  run.status = rowStatus;
  run.outputs = outputs;
  run.error = error;
  run.finishedAtMs = time.now();
  if (run.app.tts === true) emitAudio(run, "tts_message", SPOKEN);
  emit(run, "workflow_finished", finishedData(run, streamStatus));
  // What is left to be read aloud is drained after the outcome.
  if (run.app.tts === true) emitAudio(run, "tts_message_end", "");
  publish(run, { kind: "end", because: "finished" });
}

/** The `data` of `workflow_finished`; the status is what the stream is to be told. */
export function finishedData(run: Run, status: string = run.status): object {
  return {
    id: run.id,
    workflow_id: run.app.workflowId,
    status,
    outputs: run.outputs,
    error: run.error,
    elapsed_time: elapsedSeconds(run.createdAtMs, run.finishedAtMs),
    total_tokens: run.totalTokens,
    total_steps: run.totalSteps,
    created_by: { id: run.user.id, user: run.user.sessionId },
    created_at: toSeconds(run.createdAtMs),
    finished_at: run.finishedAtMs === undefined ? null : toSeconds(run.finishedAtMs),
    exceptions_count: run.exceptionsCount,
    files: filesOf(run.outputs),
  };
}

function failEngine(world: World, run: Run, failure: { code: string; status: number; message: string }): void {
  const { code, status, message } = failure;
  const frame = JSON.stringify({ event: "error", workflow_run_id: run.id, code, status, message });
  run.exceptionsCount = 1;
  publish(run, { kind: "data", event: "error", json: frame });
  if (world.traits.afterError === "outcome") {
    finishRun(world, run, { streamStatus: "failed", rowStatus: "failed", outputs: null, error: message });
    return;
  }
  // P1 ends the stream, P2 leaves it open until the idle limit; neither tells an outcome.
  run.status = "failed";
  run.error = message;
  run.finishedAtMs = world.time.now();
  if (world.traits.afterError === "end") publish(run, { kind: "end", because: "finished" });
}

function endEarly(world: World, run: Run, error: unknown): void {
  const wasStopped = run.stop.signal.aborted && !(error instanceof RunEnding);
  if (wasStopped && run.status === "queued") {
    run.createdAtMs = world.time.now();
  }
  const byFlag = world.settings.stopStyle === "flag";
  const ending = wasStopped
    ? new RunEnding(byFlag ? "stopped" : "failed", "stopped", byFlag ? "Stopped by user." : "User requested stop")
    : error instanceof RunEnding
      ? error
      : new RunEnding("failed", "failed", error instanceof Error ? error.message : String(error));
  const { streamStatus, rowStatus, message } = ending;
  finishRun(world, run, { streamStatus, rowStatus, outputs: {}, error: message });
}
