import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createNodeTracker, MAX_NODES } from "../../../../queues/runs/node-tracker.ts";
import { createFrameReader } from "../../../../src/dify/run-events.ts";
import { type RunNode, unheard } from "../../../../src/ledger/run-nodes.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

const NOW_MS = 1_000_000;
type Frame = readonly [event: string, data: object];

function track(frames: readonly Frame[], known: readonly RunNode[] = []) {
  const tracker = createNodeTracker(known, () => NOW_MS);
  const read = createFrameReader(silentLog, (event) => {
    if (event.kind === "node") tracker.hear(event);
    if (event.kind === "paused") tracker.pause();
  });
  for (const [event, data] of frames) read(JSON.stringify({ event, workflow_run_id: "RUN", task_id: "TASK", data }));
  return tracker;
}

const started = (node: string, id = `${node}-1`, more: object = {}): Frame => [
  "node_started",
  { id, node_id: node, node_type: "llm", title: node.toUpperCase(), index: 1, created_at: 900, ...more },
];
const finished = (node: string, id = `${node}-1`, more: object = {}): Frame => [
  "node_finished",
  { id, node_id: node, node_type: "llm", title: node.toUpperCase(), status: "succeeded", elapsed_time: 1.5, ...more },
];
const container = (event: string, more: object = {}): Frame => [
  event,
  { id: "each", node_id: "each", node_type: "iteration", title: "Each file", created_at: 900, ...more },
];

describe("the nodes of a run", () => {
  test("a node at work has a title, a kind and a beginning; one that ended has its time", () => {
    const tracker = track([started("a"), finished("a"), started("b")]);
    expect(tracker.nodes()).toEqual([
      {
        nodeId: "a",
        title: "A",
        type: "llm",
        status: "succeeded",
        startedAtMs: null,
        elapsedMs: 1_500,
        times: 1,
        round: null,
        error: null,
      },
      expect.objectContaining({ title: "B", status: "running", startedAtMs: 900_000, elapsedMs: 0, times: 0 }),
    ]);
    expect(tracker.present()).toBe("B");
  });

  test("parallel branches: the end of one leaves the other at work", () => {
    const tracker = track([started("a"), started("b", "b-1", { created_at: 901 }), finished("b")]);
    expect(tracker.nodes().map(({ title, status }) => `${title} ${status}`)).toEqual(["A running", "B succeeded"]);
    expect(tracker.present()).toBe("A");
  });

  test("a node that is tried again says why, and when it succeeds says so no more", () => {
    const retry: Frame = ["node_retry", { id: "a-1", node_id: "a", title: "A", status: "retry", error: "busy" }];
    expect(track([started("a"), retry]).nodes()).toMatchObject([
      { status: "retry", error: "busy", startedAtMs: 900_000 },
    ]);
    expect(track([started("a"), retry, finished("a")]).nodes()).toMatchObject([
      { status: "succeeded", error: null, times: 1 },
    ]);
  });

  test.each(["failed", "exception"])("a node that ends as %s keeps its error, without signatures", (status) => {
    const error = "cannot fetch https://h.example/f.pdf?sign=s3cret\nnow";
    const [node] = track([started("a"), finished("a", "a-1", { status, error })]).nodes();
    expect(node).toMatchObject({ status, error: "cannot fetch https://h.example/f.pdf now" });
  });

  test("inside an iteration a node works many times, in parallel, and one failure among them stays in sight", () => {
    const frames = [
      container("iteration_started"),
      container("iteration_next", { index: 0 }),
      started("inner", "i-1", { iteration_id: "each" }),
      started("inner", "i-2", { iteration_id: "each", created_at: 905 }),
      finished("inner", "i-1", { status: "exception", error: "boom" }),
      container("iteration_next", { index: 1 }),
    ];
    const tracker = track(frames);
    expect(tracker.nodes()).toMatchObject([
      { title: "Each file", status: "running", round: 2, times: 0 },
      { title: "INNER", status: "running", startedAtMs: 905_000, times: 1, elapsedMs: 1_500 },
    ]);
    const ended = track([
      ...frames,
      finished("inner", "i-2"),
      container("iteration_completed", { status: "succeeded", elapsed_time: 4, steps: 2 }),
    ]);
    expect(ended.nodes()).toMatchObject([
      { title: "Each file", status: "succeeded", round: 2, times: 1, elapsedMs: 4_000 },
      { title: "INNER", status: "exception", error: "boom", times: 2, elapsedMs: 3_000 },
    ]);
    expect(ended.present()).toBeUndefined();
  });

  test("a loop tells its round as the present node's", () => {
    expect(track([container("loop_started"), container("loop_next", { index: 3 })]).present()).toBe(
      "Each file, round 4",
    );
  });

  test("a snapshot tells again what an earlier stream told, and the live frames what the snapshot told: nothing is counted twice", () => {
    const before = track([started("a"), finished("a"), started("b")]).nodes();
    const tracker = track(
      [started("a"), finished("a"), started("b"), finished("a"), started("b"), finished("b"), finished("b")],
      before,
    );
    expect(tracker.nodes()).toMatchObject([
      { title: "A", status: "succeeded", times: 1, elapsedMs: 1_500 },
      { title: "B", status: "succeeded", times: 1, elapsedMs: 1_500 },
    ]);
  });

  test("what an earlier stream told stays where a later one tells nothing", () => {
    const before = track([started("a"), finished("a"), started("b")]).nodes();
    expect(track([finished("b")], before).nodes()).toMatchObject([
      { title: "A", status: "succeeded" },
      { title: "B", status: "succeeded" },
    ]);
  });

  test("a pause makes the nodes at work wait, and the resumption lets them go on", () => {
    const paused: Frame = ["workflow_paused", { reasons: [] }];
    expect(track([started("a"), paused]).nodes()).toMatchObject([{ status: "paused", startedAtMs: null }]);
    expect(track([started("a"), paused, finished("a")]).nodes()).toMatchObject([{ status: "succeeded", times: 1 }]);
  });

  test("nodes that nobody hears any more are unknown; what ended stays as it was told", () => {
    const nodes = unheard(track([started("a"), finished("a"), started("b")]).nodes());
    expect(nodes).toMatchObject([{ status: "succeeded" }, { status: "unknown", startedAtMs: null }]);
  });

  test("a hundred nodes are kept at most: those at work and those that failed before all others", () => {
    const frames = Array.from({ length: 3 * MAX_NODES }, (_, index) => {
      const node = `n${index}`;
      const status = index === 5 ? "failed" : "succeeded";
      return index === 9 ? [started(node)] : [started(node), finished(node, `${node}-1`, { status, error: "boom" })];
    }).flat();
    const nodes = track(frames).nodes();
    expect(nodes).toHaveLength(MAX_NODES);
    expect(nodes.filter(({ status }) => status !== "succeeded").map(({ nodeId }) => nodeId)).toEqual(["n5", "n9"]);
  });
});

test("whatever the frames hold, what is kept is bounded and fit for the ledger", () => {
  const name = fc.constantFrom(
    "node_started",
    "node_retry",
    "node_finished",
    "iteration_started",
    "iteration_next",
    "iteration_completed",
    "loop_next",
    "workflow_paused",
    "agent_log",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 400 }),
    fc.constantFrom("a", "b", "c", "\u0000", "x\ud83d", "y".repeat(200)),
  );
  const value = fc.oneof(text, fc.double(), fc.integer(), fc.constant(null), fc.jsonValue({ maxDepth: 2 }));
  const data = fc.oneof(
    fc.record(
      Object.fromEntries(
        ["id", "node_id", "node_type", "title", "status", "error", "index", "steps", "created_at", "elapsed_time"].map(
          (member) => [member, value],
        ),
      ),
      { requiredKeys: [] },
    ),
    fc.jsonValue({ maxDepth: 1 }).map((json) => ({ json })),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(name, data), { maxLength: 60 }), (frames) => {
      const nodes = track(frames).nodes();
      expect(nodes.length).toBeLessThanOrEqual(MAX_NODES);
      for (const node of nodes) {
        expect(node.elapsedMs).toBeGreaterThanOrEqual(0);
        for (const words of [node.nodeId, node.title, node.type ?? "", node.error ?? ""]) {
          expect(words.length).toBeLessThanOrEqual(300);
          expect(words).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        }
      }
    }),
  );
});
