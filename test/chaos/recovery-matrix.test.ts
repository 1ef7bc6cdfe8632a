import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { DEFAULT_APP } from "../../src/emulators/dify/apps.ts";
import type { Profile } from "../../src/emulators/dify/profile.ts";
import type { SentRunAction } from "../../src/emulators/dify/run-faults.ts";
import type { DifyEmulatorOptions } from "../../src/emulators/dify/start-dify-emulator.ts";
import { documentWork, type Work } from "../../src/emulators/dify/work.ts";
import type { FaultRequest } from "../../src/emulators/kit/faults.ts";
import type { Observation } from "../../src/emulators/kit/server.ts";
import { openBackend } from "../support/backends.ts";
import type { RelayProcess } from "../support/relay-process.ts";
import { openStory } from "../support/story.ts";
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
    cut: "after finish, before confirmation: the record is out of reach for longer than a client's patience",
    faults: [
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
  onTestFinished(bench.close);
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
      faults: [{ action: { kind: "gateway" } }, { action: { kind: "queue_delay", ms: 1_000 } }],
      policy: { absentAfterMs: 150 },
      dify: { workMs: 1_800 },
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

/** Where the process dies. A cut that the stream itself makes is a fault; the rest is a moment. */
type RequestKill = {
  readonly cut: string;
  readonly method: string;
  readonly path: RegExp;
  readonly phase: Observation["phase"];
  /** The request never has an effect. */
  readonly lost?: true;
};

const AT_REQUESTS: readonly RequestKill[] = [
  { cut: "before send", method: "POST", path: /\/workflows\/run$/, phase: "before", lost: true },
  { cut: "after send, before the first frame", method: "POST", path: /\/workflows\/run$/, phase: "after" },
  { cut: "after finish, before confirmation", method: "GET", path: /\/workflows\/run\//, phase: "before" },
];

/** All of them are held at their work node when one SIGKILL ends their process; `known`: their id was told by then. */
const AT_WORK: readonly { readonly cut: string; readonly action?: SentRunAction; readonly known: boolean }[] = [
  { cut: "lost first frame, and every other so far", action: { kind: "drop_first", frames: 4 }, known: false },
  { cut: "lost first frame", action: { kind: "drop_first", frames: 1 }, known: true },
  { cut: "after start", known: true },
  {
    cut: "mid-stream, after the connection was lost",
    action: { kind: "cut_after", frames: 3, at: "inside" },
    known: true,
  },
  { cut: "300 s of silence", action: { kind: "silence", ms: 60_000 }, known: false },
];

const KILLS = AT_REQUESTS.length + AT_WORK.length;

describe("SIGKILL", { concurrent: true }, () => {
  test.for(PROFILES)(
    `Dify %s: killed at ${KILLS} cuts, each file has one workflow run and one share`,
    async (profile, { onTestFinished }) => {
      const backend = await openBackend("pglite", undefined);
      onTestFinished(backend.drop);
      let relay: RelayProcess | undefined;
      let armed: RequestKill | undefined;
      let gate: { held: number; readonly opened: Promise<void> } | undefined;
      const strike = (): void => {
        armed = undefined;
        if (relay) process.kill(relay.pid, "SIGKILL");
      };
      const observe = ({ phase, method, path }: Observation): void => {
        if (armed?.phase !== phase || armed.method !== method || !armed.path.test(path)) return;
        const { lost } = armed;
        strike();
        if (lost) throw new Error("the request never had an effect");
      };
      const work: Work = async (context) => {
        if (gate) {
          gate.held += 1;
          await gate.opened;
        }
        return documentWork(context);
      };
      const story = await openStory(
        { ...backend.environment, DIFY_ABSENT_MS: "2000", DIFY_PARALLEL: String(AT_WORK.length) },
        { dify: { profile, workMs: 60, observe, apps: [{ ...DEFAULT_APP, work }] } },
      );
      onTestFinished(story.end);
      relay = await story.start();
      let files = 0;
      const drop = async (): Promise<void> => {
        files += 1;
        await story.fastio.dropFile({ folder: "/Inbox", name: `table-${files}.csv`, content: `a,b\n${files},2\n` });
      };
      const goOn = async (cut: string): Promise<void> => {
        await relay?.ended;
        relay = await story.start();
        await story.untilDelivered(files, 120_000);
        const workflowRuns = story.dify.books().runs.length;
        expect({ cut, workflowRuns }).toEqual({ cut, workflowRuns: files });
      };

      for (const kill of AT_REQUESTS) {
        armed = kill;
        await drop();
        await goOn(kill.cut);
      }

      let open = (): void => {};
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      gate = { held: 0, opened };
      for (const [index, { action }] of AT_WORK.entries()) {
        if (action) story.dify.addFault({ skip: index, action });
      }
      for (const _ of AT_WORK) await drop();
      const known = AT_WORK.filter((kill) => kill.known).length;
      await vi.waitFor(
        async () => {
          const underWay = (await story.runs()).filter(({ status }) => status !== "delivered");
          expect(gate?.held).toBe(AT_WORK.length);
          expect(underWay.filter(({ workflowRun }) => workflowRun !== null)).toHaveLength(known);
        },
        { timeout: 60_000, interval: 20 },
      );
      strike();
      open();
      await goOn(AT_WORK.map(({ cut }) => cut).join(" + "));

      const told = await story.runs();
      const { runs } = story.dify.books();
      expect(new Set(told.map(({ workflowRun }) => workflowRun))).toEqual(new Set(runs.map(({ id }) => id)));
      expect(new Set(runs.map(({ user }) => user)).size).toBe(KILLS);
      expect(runs.map(({ status }) => status)).toEqual(runs.map(() => "succeeded"));
      expect(story.fastio.books().shares).toHaveLength(KILLS);
    },
  );
});
