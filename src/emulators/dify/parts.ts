import type { WorkflowPart } from "./apps.ts";
import { finishNode, sleepReal, startNode } from "./nodes.ts";
import { elapsedSeconds, emit, type Run } from "./run.ts";
import { toSeconds } from "./seconds.ts";
import type { World } from "./world.ts";

/** The share of a run's time that one round, or one set of branches, takes. */
const SHARE = 0.1;
const NOTHING = { inputs: {}, outputs: {} };

/** Plays the parts of a workflow in turn. @param firstIndex the place of the first part's nodes in the workflow */
export async function playParts(world: World, run: Run, firstIndex: number, signal: AbortSignal): Promise<void> {
  for (const [at, part] of (run.app.parts ?? []).entries()) {
    const index = firstIndex + 1 + at;
    if (part.kind === "parallel") await playBranches(world, run, { nodeId: `part_${at}`, index, part }, signal);
    else await playRounds(world, run, { nodeId: `part_${at}`, index, part }, signal);
  }
}

type Place<Part> = { readonly nodeId: string; readonly index: number; readonly part: Part };
type Branches = Extract<WorkflowPart, { kind: "parallel" }>;
type Rounds = Exclude<WorkflowPart, Branches>;

const innerType = (run: Run): string => (run.app.model === undefined ? "code" : "llm");

/** All begin before one ends, and the last to begin ends first. */
async function playBranches(world: World, run: Run, place: Place<Branches>, signal: AbortSignal): Promise<void> {
  const nodes = place.part.branches.map((title, branch) =>
    startNode(world, run, {
      nodeId: `${place.nodeId}_${branch}`,
      nodeType: innerType(run),
      title,
      index: place.index,
    }),
  );
  await sleepReal(world, world.settings.workMs * SHARE, signal);
  for (const node of nodes.reverse()) finishNode(world, run, node, NOTHING);
}

/** An iteration or a loop has no `node_started` of its own; its frames name the node where others name an execution. */
async function playRounds(
  world: World,
  run: Run,
  { nodeId, index, part: { kind, title, inner, rounds } }: Place<Rounds>,
  signal: AbortSignal,
): Promise<void> {
  const createdAtMs = world.time.now();
  const created_at = toSeconds(createdAtMs);
  const about = { id: nodeId, node_id: nodeId, node_type: kind, title };
  const before = run.totalTokens;
  emit(run, `${kind}_started`, {
    ...about,
    created_at,
    extras: {},
    metadata: { [`${kind}_length`]: rounds },
    inputs: {},
    inputs_truncated: false,
  });
  for (let round = 0; round < rounds; round += 1) {
    const previous = kind === "loop" ? { pre_loop_output: {} } : {};
    emit(run, `${kind}_next`, { ...about, index: round, created_at, extras: {}, ...previous });
    const within = { kind, nodeId };
    const node = startNode(world, run, {
      nodeId: `${nodeId}_inner`,
      nodeType: innerType(run),
      title: inner,
      index,
      within,
    });
    await sleepReal(world, world.settings.workMs * SHARE, signal);
    finishNode(world, run, node, NOTHING);
  }
  const finishedAtMs = world.time.now();
  const total_tokens = run.totalTokens - before;
  emit(run, `${kind}_completed`, {
    ...about,
    outputs: {},
    outputs_truncated: false,
    created_at,
    extras: {},
    inputs: {},
    inputs_truncated: false,
    status: "succeeded",
    error: null,
    elapsed_time: elapsedSeconds(createdAtMs, finishedAtMs),
    total_tokens,
    execution_metadata: { total_tokens },
    finished_at: toSeconds(finishedAtMs),
    steps: rounds,
  });
}
