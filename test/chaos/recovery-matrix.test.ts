import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Profile } from "../../src/emulators/dify/profile.ts";
import type { SentRunAction } from "../../src/emulators/dify/run-faults.ts";
import type { DifyEmulatorOptions } from "../../src/emulators/dify/start-dify-emulator.ts";
import type { FaultRequest } from "../../src/emulators/kit/faults.ts";
import { openTestLedger, type TestLedger } from "../support/test-ledger.ts";
import { openWorkbench, type WorkbenchOptions } from "../support/workbench.ts";

const PROFILES: readonly Profile[] = ["P1", "P2", "P3"];
/** Dify's 300 s of silence, scaled. */
const SILENCE_MS = 600;

const RUN = { method: "POST", path: "/workflows/run" };
const RECORD = { method: "GET", path: "/workflows/run/" };
const EVENTS = { method: "GET", path: "/events" };

type Fault = FaultRequest<SentRunAction>;
type Cell = {
  readonly cut: string;
  readonly faults: readonly Fault[];
  readonly dify?: DifyEmulatorOptions;
  readonly policy?: NonNullable<WorkbenchOptions["policy"]>;
};

/** Cuts after which Dify's own facts let the run be found again, or tell for certain that there is none. */
const CUTS: readonly Cell[] = [
  {
    cut: "before send: refused, so that nothing is under way",
    faults: [{ match: RUN, action: { kind: "status", status: 429 } }],
  },
  {
    cut: "before send: lost on the way, without an effect",
    faults: [{ match: RUN, action: { kind: "drop", when: "before" } }],
  },
  { cut: "after send, before the first byte", faults: [{ match: RUN, action: { kind: "drop", when: "after" } }] },
  { cut: "after send, before the first frame", faults: [{ action: { kind: "cut_after", frames: 0 } }] },
  { cut: "after send, a gateway answers instead", faults: [{ action: { kind: "gateway", afterMs: 20 } }] },
  { cut: "lost first frame", faults: [{ action: { kind: "drop_first", frames: 1 } }] },
  {
    cut: "lost first frame, then the connection",
    faults: [{ action: { kind: "drop_first", frames: 1 } }, { action: { kind: "cut_after", frames: 2, at: "inside" } }],
  },
  { cut: "after start", faults: [{ action: { kind: "cut_after", frames: 1 } }] },
  {
    cut: "after start, and the events of the run never tell its end",
    faults: [{ action: { kind: "cut_after", frames: 1 } }, { match: EVENTS, action: { kind: "events_race" } }],
    dify: { idleMs: SILENCE_MS },
  },
  { cut: "mid-stream", faults: [{ action: { kind: "cut_after", frames: 3, at: "inside" } }] },
  {
    cut: "mid-stream, between two newlines",
    faults: [{ action: { kind: "cut_after", frames: 4, at: "between newlines" } }],
  },
  { cut: "after finish: the last frame never comes", faults: [{ action: { kind: "drop_terminal" } }] },
  {
    cut: "after finish, whose frame is lost, before confirmation: the record is out of reach for longer than a client's patience",
    faults: [
      { action: { kind: "drop_terminal" } },
      { match: RECORD, times: 2, action: { kind: "drop", when: "before" } },
      { match: RECORD, times: 3, action: { kind: "status", status: 502, body: "<html>" } },
    ],
  },
  { cut: "300 s of silence while the workflow runs", faults: [{ action: { kind: "silence", ms: SILENCE_MS } }] },
  {
    cut: "300 s of silence while the workflow waits for a worker, who comes before DIFY_ABSENT_MS is over",
    faults: [
      { action: { kind: "silence", ms: SILENCE_MS } },
      { action: { kind: "queue_delay", ms: SILENCE_MS + 200 } },
    ],
    policy: { absentAfterMs: 5 * SILENCE_MS },
  },
];

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

async function openCell(profile: Profile, cell: Omit<Cell, "cut">, options: WorkbenchOptions = {}) {
  const bench = await openWorkbench(ledger.db, {
    ...options,
    policy: { ...cell.policy, ...options.policy },
    dify: { profile, workMs: 100, ...cell.dify },
  });
  for (const fault of cell.faults) bench.dify.addFault(fault);
  return bench;
}

describe.each(PROFILES)("Dify %s, the relay lives on", (profile) => {
  test.each(CUTS)("$cut: one workflow run, delivered", async (cell) => {
    const bench = await openCell(profile, cell);
    const { id } = await bench.drop();
    const { run } = await bench.drive(id);
    expect(run).toMatchObject({ status: "delivered", warning: null });
    const { runs } = bench.dify.books();
    expect(runs.map((row) => ({ id: row.id, status: row.status }))).toEqual([
      { id: run.workflowRunId, status: "succeeded" },
    ]);
    expect(bench.fastio.books().shares).toHaveLength(1);
  });
});

/** The cells in which no client could know: what the relay does instead. */
describe.each(PROFILES)("Dify %s, where its own facts do not allow it", (profile) => {
  test("the worker dies after the start: at its time limit the run is told to stop and laid aside for a person, and not repeated", async () => {
    const bench = await openCell(
      profile,
      { faults: [{ action: { kind: "lost_after_start", ms: 100 } }] },
      { rule: { run: "timeout: 2s" } },
    );
    const { id } = await bench.drop();
    const { run } = await bench.drive(id);
    expect(run).toMatchObject({ status: "paused", queue: null, errorCode: "dify_run_lost", errorStep: "workflow" });
    expect(run.nextAction).toContain("look-again");
    expect(bench.dify.books().runs).toHaveLength(1);
  });

  test("a run that waits in Dify's queue longer than anybody looks for it doubles: one result, and the double is told", async () => {
    const bench = await openCell(profile, {
      // The second is asked for long before the first comes out of the queue, and is at work for long after that.
      faults: [{ action: { kind: "gateway" } }, { action: { kind: "queue_delay", ms: 2_500 } }],
      policy: { absentAfterMs: 150 },
      dify: { workMs: 4_000 },
    });
    const { id } = await bench.drop();
    const { run } = await bench.drive(id);
    const { runs } = bench.dify.books();
    expect(runs).toHaveLength(2);
    expect(run).toMatchObject({ status: "delivered", submissions: 2 });
    const double = runs.find((row) => row.id !== run.workflowRunId);
    expect(run.warning).toContain(double?.id ?? "no double");
    expect(bench.fastio.books().shares).toHaveLength(1);
  });

  test("asked to leave it to a person, a run without a trace is not started again", async () => {
    const bench = await openCell(
      profile,
      { faults: [{ match: RUN, action: { kind: "drop", when: "before" } }] },
      { policy: { whenAbsent: "ask" } },
    );
    const { id } = await bench.drop();
    const { run } = await bench.drive(id);
    expect(run).toMatchObject({ status: "paused", errorCode: "dify_run_lost", workflowRunId: null });
    expect(bench.dify.books().runs).toHaveLength(0);
  });

  test("a server away from before the send on starts nothing, and the run waits for it", async () => {
    const bench = await openCell(profile, { faults: [] });
    const { id } = await bench.drop();
    bench.dify.addFault({ match: RUN, times: 2, action: { kind: "drop", when: "before" } });
    const { run } = await bench.drive(id);
    expect(run).toMatchObject({ status: "delivered", submissions: 3 });
    expect(bench.dify.books().runs).toHaveLength(1);
  });
});
