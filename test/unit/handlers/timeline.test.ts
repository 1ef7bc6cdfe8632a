import { describe, expect, test } from "vitest";
import { type TimedRun, type TimelineFacts, timelineOf } from "../../../handlers/timeline.ts";
import type { AttemptRow } from "../../../src/ledger/schema.ts";

const T = 1_000_000;

const RUN: TimedRun = {
  createdAtMs: T,
  dueAtMs: 0,
  finishedAtMs: null,
  fileCount: null,
  status: "running",
  waitsFor: null,
  leaseOwner: null,
  leaseUntilMs: 0,
  submittedAtMs: null,
  collectedAtMs: null,
  errorStep: null,
  errorMessage: null,
  nextAction: null,
};

/** A try from one second to another, counted from the run's creation. */
const tried = (step: AttemptRow["step"], from: number, to: number, more: Partial<AttemptRow> = {}): AttemptRow => ({
  id: from,
  runId: "r",
  step,
  worker: "w",
  startedAtMs: T + from * 1_000,
  finishedAtMs: T + to * 1_000,
  tries: 1,
  workedMs: null,
  waitedFor: null,
  betweenFor: null,
  outcome: "done",
  failure: null,
  errorCode: null,
  errorMessage: null,
  ...more,
});

const look = (run: Partial<TimedRun>, attempts: readonly AttemptRow[], more: Partial<TimelineFacts> = {}) => {
  const told = timelineOf({ run: { ...RUN, ...run }, event: undefined, attempts, nowMs: T + 100_000, ...more });
  const steps = told.entries.map(({ step, waits, waitMs, workMs, state }) => ({
    step,
    waited: waits.map(({ for: reason, ms }) => `${reason} ${ms / 1_000}`).join(", "),
    waitMs,
    workMs,
    state,
  }));
  return { told, steps, of: (step: string) => steps.find((one) => one.step === step) };
};

test("from the file's change to the end every moment is either waited or worked", () => {
  const event = { occurredAtMs: T - 9_000, receivedAtMs: T - 3_000, routedAtMs: T - 1_000 };
  const attempts = [
    tried("fetch", 2, 5),
    tried("workflow", 15, 40, { waitedFor: "slot" }),
    tried("collect", 40, 42),
    tried("folder", 45, 46),
  ];
  const { told, steps } = look({ finishedAtMs: T + 46_000, status: "delivered" }, attempts, { event });
  expect(steps).toEqual([
    { step: "event", waited: "source 6, routing 2", waitMs: 8_000, workMs: 0, state: "done" },
    { step: "fetch", waited: "queue 2", waitMs: 2_000, workMs: 3_000, state: "done" },
    { step: "workflow", waited: "slot 10", waitMs: 10_000, workMs: 25_000, state: "done" },
    { step: "collect", waited: "", waitMs: 0, workMs: 2_000, state: "done" },
    { step: "folder", waited: "queue 3", waitMs: 3_000, workMs: 1_000, state: "done" },
  ]);
  expect(told).toMatchObject({ fromMs: T - 9_000, toMs: T + 46_000, waitMs: 23_000, workMs: 31_000 });
});

describe("tries are folded", () => {
  test("a failure's pause counts for the step that failed, though others are gone through again first", () => {
    const attempts = [
      tried("folder", 0, 1),
      tried("place", 1, 2, { outcome: "failed", errorMessage: "Fast.io is away" }),
      tried("folder", 5, 6, { waitedFor: "backoff" }),
      tried("place", 6, 7),
    ];
    const { told, of } = look({ finishedAtMs: T + 7_000, status: "delivered" }, attempts);
    expect(of("folder")).toMatchObject({ waited: "", workMs: 2_000 });
    expect(of("place")).toMatchObject({ waited: "backoff 3", workMs: 2_000, state: "done" });
    expect(told.entries[1]).toMatchObject({ tries: 2, failedTries: 1, error: "Fast.io is away" });
  });

  test("tries of one line are told with what was worked and waited between them", () => {
    const attempts = [tried("workflow", 0, 60, { outcome: "later", tries: 7, workedMs: 4_000, betweenFor: "person" })];
    const { told, of } = look({ waitsFor: "person", status: "paused" }, attempts);
    expect(of("workflow")).toMatchObject({ waited: "person 56, person 40", workMs: 4_000, state: "waiting" });
    expect(told.entries[0]).toMatchObject({ tries: 7, failedTries: 0 });
  });

  test("thousands of tries stay a few pieces, and lose no time", () => {
    const attempts = Array.from({ length: 3_000 }, (_, at) =>
      tried("share", 2 * at, 2 * at + 1, { outcome: "failed" }),
    );
    const { told } = look({ finishedAtMs: T + 6_000_000, status: "failed" }, attempts);
    const [entry] = told.entries;
    expect(entry).toMatchObject({ tries: 3_000, workMs: 3_000_000, waitMs: 2_999_000 });
    expect(entry?.works).toHaveLength(40);
    expect(entry?.works.reduce((sum, { ms }) => sum + ms, 0)).toBe(3_000_000);
    expect(entry?.works.at(-1)?.toMs).toBe(attempts.at(-1)?.finishedAtMs);
  });
});

describe("what goes on now", () => {
  test.each<[string, Partial<TimedRun>, readonly AttemptRow[], string, string, string]>([
    ["a new run in the queue", { status: "queued" }, [], "fetch", "queue 100", "waiting"],
    ["for a slot", { status: "queued", waitsFor: "slot" }, [tried("fetch", 0, 10)], "workflow", "slot 90", "waiting"],
    ["held by a flood", { status: "held", waitsFor: "hold" }, [], "fetch", "hold 100", "waiting"],
    ["held before this was kept", { status: "held" }, [], "fetch", "hold 100", "waiting"],
    [
      "after a failure",
      { status: "delivering", collectedAtMs: T, waitsFor: "backoff" },
      [tried("place", 90, 99, { outcome: "failed" })],
      "place",
      "queue 90, backoff 1",
      "waiting",
    ],
    [
      "for the next queue",
      { status: "delivering", collectedAtMs: T + 1 },
      [tried("workflow", 0, 98), tried("collect", 98, 99)],
      "folder",
      "queue 1",
      "waiting",
    ],
    [
      "at work in Dify",
      { leaseOwner: "w", leaseUntilMs: T + 200_000, submittedAtMs: T + 60_000 },
      [tried("fetch", 0, 50)],
      "workflow",
      "queue 10",
      "working",
    ],
  ])("%s", (_what, run, attempts, step, waited, state) => {
    expect(look(run, attempts).of(step)).toMatchObject({ waited, state });
  });

  test("work is counted from when the workflow was asked for", () => {
    const lease = { leaseOwner: "w", leaseUntilMs: T + 200_000, submittedAtMs: T + 60_000 };
    expect(look(lease, [tried("fetch", 0, 50)]).of("workflow")?.workMs).toBe(40_000);
  });
});

test.each([
  [null, "settle"],
  [3, "gather"],
])("what was waited for before the files were there is told (files: %s)", (fileCount, reason) => {
  const { of } = look({ fileCount, dueAtMs: T + 10_000, finishedAtMs: T + 12_000, status: "delivered" }, [
    tried("fetch", 11, 12),
  ]);
  expect(of("files")).toMatchObject({ waited: `${reason} 10` });
  expect(of("fetch")).toMatchObject({ waited: "queue 1" });
});

test("a run that failed tells cause and next action at the step where it did", () => {
  const attempts = [tried("workflow", 0, 1, { outcome: "failed", errorMessage: "boom" })];
  const failed = { finishedAtMs: T + 1_000, status: "failed", errorStep: "workflow", nextAction: "mend it" } as const;
  expect(look(failed, attempts).told.entries).toMatchObject([
    { state: "failed", error: "boom", nextAction: "mend it" },
  ]);
});

test("the time between an ending and a replay is told as that", () => {
  const attempts = [
    tried("fetch", 0, 1),
    tried("workflow", 1, 2, { outcome: "failed" }),
    tried("fetch", 90, 91, { waitedFor: "replay" }),
  ];
  expect(look({ status: "fetching", waitsFor: "replay" }, attempts).of("fetch")).toMatchObject({ waited: "replay 88" });
});

test("clocks that disagree make no time negative", () => {
  const event = { occurredAtMs: T + 50_000, receivedAtMs: T + 10_000, routedAtMs: T + 5_000 };
  const attempts = [tried("fetch", -5, -1), tried("workflow", -3, -2)];
  const { told } = look({ createdAtMs: T, finishedAtMs: T - 1_000, status: "delivered" }, attempts, { event });
  for (const { waits, works } of told.entries)
    for (const { ms } of [...waits, ...works]) expect(ms).toBeGreaterThanOrEqual(0);
  expect(told.toMs).toBeGreaterThanOrEqual(told.fromMs);
});
