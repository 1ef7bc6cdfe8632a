import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { JobQueue, JobState, NewJob } from "../../../../queues/backend.ts";
import { createOutbox, type Queues } from "../../../../queues/outbox.ts";
import { processUpkeep } from "../../../../queues/upkeep/process-upkeep.ts";
import { sweep } from "../../../../queues/upkeep/sweep.ts";
import { startTicker } from "../../../../queues/upkeep/ticker.ts";
import { systemClock } from "../../../../src/clock.ts";
import { TransientError } from "../../../../src/errors.ts";
import { QUIET_MS, raiseAppLimit, readAppRoom } from "../../../../src/ledger/app-limits.ts";
import { recordAttempt } from "../../../../src/ledger/attempts.ts";
import { closeEvent, findEvent } from "../../../../src/ledger/event-queries.ts";
import { lookForWork } from "../../../../src/ledger/look-for-work.ts";
import { recordOperatorAction } from "../../../../src/ledger/operator-actions.ts";
import { saveOutput } from "../../../../src/ledger/outputs.ts";
import { setRuleState } from "../../../../src/ledger/rule-state-queries.ts";
import {
  appLimits,
  appSlots,
  attempts,
  cursors,
  deliveries,
  events,
  operatorActions,
  outputs,
  type RunRow,
  refusals,
  runs,
} from "../../../../src/ledger/schema.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { SOON } from "../../../support/soon.ts";
import { givenEvent, givenRun, openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { sampleRule } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());
beforeEach(async () => {
  for (const table of [events, runs, deliveries, attempts, outputs, operatorActions, cursors])
    await ledger.db.delete(table);
});

const LONG_AGO = Date.now() - 60_000;
const DAY_MS = 86_400_000;

/** A queue that knows ids and nothing else. Adding an id it knows does nothing, as with BullMQ. */
function fakeQueue(): JobQueue & { readonly jobs: Map<string, JobState>; readonly added: string[]; away: boolean } {
  const jobs = new Map<string, JobState>();
  const added: string[] = [];
  const queue = {
    jobs,
    added,
    away: false,
    add: async (news: readonly NewJob[]) => {
      if (queue.away) throw new TransientError("queue_unavailable", "the queue does not answer");
      for (const { id } of news) {
        if (jobs.has(id)) continue;
        jobs.set(id, "waiting");
        added.push(id);
      }
    },
    states: async (ids: readonly string[]) => {
      if (queue.away) throw new TransientError("queue_unavailable", "the queue does not answer");
      return new Map(ids.map((id) => [id, jobs.get(id) ?? ("unknown" as const)]));
    },
    counts: async () => ({}),
    pause: async () => undefined,
    resume: async () => undefined,
    drop: async () => undefined,
    get bullmq(): never {
      throw new Error("for bull-board only");
    },
  };
  return queue;
}

function openQueues(clock = systemClock) {
  const queues = { events: fakeQueue(), runs: fakeQueue(), shares: fakeQueue(), upkeep: fakeQueue() };
  const deps = { db: ledger.db, queues: queues satisfies Queues, clock, log: silentLog };
  const outbox = createOutbox(deps);
  const sweepNow = sweep({ ...deps, outbox });
  return {
    queues,
    outbox,
    sweepNow,
    sweep: async () => {
      const { handOver } = await lookForWork(ledger.db, Date.now());
      const found = await sweepNow();
      // A sweep that nobody asks for would find nothing: what it finds, the lookout has seen.
      if (found.events + found.runs > 0) expect(handOver).toBe(true);
      return found;
    },
  };
}

const rule = sampleRule({ name: "swept" });
const oldRun = (change: Parameters<typeof givenRun>[2] = {}): Promise<RunRow> =>
  givenRun(ledger.db, rule, { updatedAtMs: LONG_AGO, ...change });
const oldEvent = () => givenEvent(ledger.db, { workspaceId: "w", objectId: "n", receivedAtMs: LONG_AGO });

/** As the receiver notes it when it is about to hand an event over. */
async function markedEvent(queuedAtMs: number): Promise<string> {
  const key = await oldEvent();
  await ledger.db.update(events).set({ queuedAtMs }).where(eq(events.key, key));
  return key;
}

describe("an event that is noted as handed over before it is", () => {
  test("is noted as waiting when the queue does not take it, and handed over when it does again", async () => {
    const key = await markedEvent(Date.now());
    const { sweep, outbox, queues } = openQueues();
    queues.events.away = true;
    expect(
      await outbox.sendEvents([
        { key, generation: 0, type: "file.created", workspaceId: "w", actorUserId: null, isMarked: true },
      ]),
    ).toBe(false);
    expect((await findEvent(ledger.db, key))?.queuedAtMs).toBeNull();
    queues.events.away = false;
    await sweep();
    expect(queues.events.added).toEqual([`event-${key}-0`]);
  });

  test("by a receiver that died at that moment, is found to be unknown to the queue", async () => {
    const key = await markedEvent(LONG_AGO);
    const { sweep, queues } = openQueues();
    await sweep();
    expect(queues.events.added).toEqual([`event-${key}-1`]);
  });
});

describe("work the queue was never told of", () => {
  test("is handed over, each to its queue", async () => {
    const event = await oldEvent();
    const run = await oldRun();
    const share = await oldRun({ queue: "shares", status: "delivering" });
    const { sweep, queues } = openQueues();
    expect(await sweep()).toEqual({ events: 1, runs: 2 });
    expect(queues.events.added).toEqual([`event-${event}-0`]);
    expect(queues.runs.added).toEqual([`run-${run.id}-0`]);
    expect(queues.shares.added).toEqual([`share-${share.id}-0`]);
    expect((await readRunRow(ledger.db, run.id)).queuedAtMs).not.toBeNull();
    expect(await sweep()).toEqual({ events: 0, runs: 0 });
  });

  test("is left alone for a moment, in which the outbox hands it over", async () => {
    await givenEvent(ledger.db, { workspaceId: "w", objectId: "n" });
    await givenRun(ledger.db, rule);
    expect(await openQueues().sweep()).toEqual({ events: 0, runs: 0 });
  });

  test("waits in the ledger while the queue is away, and is handed over when it is back", async () => {
    const run = await oldRun();
    const { sweep, outbox, queues } = openQueues();
    queues.runs.away = true;
    expect(await outbox.sendRuns([run])).toBe(false);
    await sweep();
    expect(await readRunRow(ledger.db, run.id)).toMatchObject({ queuedAtMs: null, generation: 0 });
    queues.runs.away = false;
    await sweep();
    expect(queues.runs.added).toEqual([`run-${run.id}-0`]);
  });
});

test("a run that was put aside before its worker could learn that it is to be cancelled is brought back", async () => {
  const asked = { cancelAskedAtMs: LONG_AGO, submittedAtMs: LONG_AGO, queue: null } as const;
  const held = await oldRun({ ...asked, status: "held" });
  const parked = await oldRun({ ...asked, status: "paused" });
  await oldRun({ queue: null, status: "paused" });
  await setRuleState(ledger.db, {
    ruleName: rule.name,
    state: "paused",
    reason: "r",
    nextAction: null,
    changedBy: "relay",
    sinceMs: 0,
  });
  const { sweep, queues } = openQueues();
  await sweep();
  await vi.waitFor(async () => {
    await sweep();
    expect(new Set(queues.runs.added)).toEqual(new Set([`run-${held.id}-1`, `run-${parked.id}-1`]));
  }, SOON);
});

describe("work the queue has forgotten", () => {
  test("gets a new job of the next generation", async () => {
    const key = await oldEvent();
    await ledger.db.update(events).set({ queuedAtMs: LONG_AGO }).where(eq(events.key, key));
    const run = await oldRun({ queuedAtMs: LONG_AGO });
    const { sweep, queues } = openQueues();
    expect(await sweep()).toEqual({ events: 1, runs: 1 });
    expect(queues.events.added).toEqual([`event-${key}-1`]);
    expect(queues.runs.added).toEqual([`run-${run.id}-1`]);
    expect(await readRunRow(ledger.db, run.id)).toMatchObject({ generation: 1, queuedAtMs: expect.any(Number) });
  });

  test("an active job whose run nobody has worked on for long has lost its worker, and a new one is made", async () => {
    const run = await oldRun({
      queuedAtMs: LONG_AGO,
      updatedAtMs: LONG_AGO,
      leaseOwner: "the dead",
      leaseUntilMs: LONG_AGO,
    });
    const { sweep, queues } = openQueues();
    queues.runs.jobs.set(`run-${run.id}-0`, "active");
    expect(await sweep()).toEqual({ events: 0, runs: 1 });
    expect(queues.runs.added).toEqual([`run-${run.id}-1`]);
  });

  test("an active job of an event that is not routed for long has lost its worker, and a new one is made", async () => {
    const [lost, routing] = [await oldEvent(), await oldEvent()];
    await ledger.db.update(events).set({ queuedAtMs: LONG_AGO }).where(eq(events.key, lost));
    const recentlyMs = Date.now() - 10_000;
    await ledger.db.update(events).set({ queuedAtMs: recentlyMs }).where(eq(events.key, routing));
    const { sweep, queues } = openQueues();
    for (const key of [lost, routing]) queues.events.jobs.set(`event-${key}-0`, "active");
    expect(await sweep()).toEqual({ events: 1, runs: 0 });
    expect(queues.events.added).toEqual([`event-${lost}-1`]);
    // So that it shows on a later sweep if it stays so.
    expect((await findEvent(ledger.db, routing))?.queuedAtMs).toBe(recentlyMs);
  });

  test("a job that the queue puts off for long after its run was due is replaced", async () => {
    const change = { queuedAtMs: LONG_AGO, updatedAtMs: LONG_AGO };
    const overslept = await oldRun({ ...change, notBeforeMs: LONG_AGO });
    const due = await oldRun({ ...change, notBeforeMs: Date.now() - 10_000 });
    const { sweep, queues } = openQueues();
    for (const { id } of [overslept, due]) queues.runs.jobs.set(`run-${id}-0`, "delayed");
    expect(await sweep()).toEqual({ events: 0, runs: 1 });
    expect(queues.runs.added).toEqual([`run-${overslept.id}-1`]);
  });

  test.each(["waiting", "active", "delayed", "paused"] as const)("but not while its job is %s", async (state) => {
    const run = await oldRun({ queuedAtMs: LONG_AGO, updatedAtMs: Date.now() - 8_000 });
    const { sweep, queues } = openQueues();
    queues.runs.jobs.set(`run-${run.id}-0`, state);
    expect(await sweep()).toEqual({ events: 0, runs: 0 });
    expect(await readRunRow(ledger.db, run.id)).toMatchObject({ generation: 0 });
  });

  test.each(["completed", "failed"] as const)("and so does a job that is %s while the run is not", async (state) => {
    const run = await oldRun({ queuedAtMs: LONG_AGO });
    const { sweep, queues } = openQueues();
    queues.runs.jobs.set(`run-${run.id}-0`, state);
    expect(await sweep()).toEqual({ events: 0, runs: 1 });
    expect(queues.runs.added).toEqual([`run-${run.id}-1`]);
  });

  test.each([
    { name: "somebody works on it", change: { leaseOwner: "a worker", leaseUntilMs: Date.now() + 60_000 } },
    { name: "its time has not come", change: { notBeforeMs: Date.now() + 60_000 } },
    { name: "nothing is left to do", change: { queue: null, status: "delivered" } },
  ] as const)("but not when $name", async ({ change }) => {
    await oldRun({ queuedAtMs: LONG_AGO, ...change });
    expect(await openQueues().sweep()).toEqual({ events: 0, runs: 0 });
  });

  test("behind more work than one sweep looks at is found by a later one", async () => {
    const waiting = await oldRun({ queuedAtMs: LONG_AGO });
    const { sweep, queues } = openQueues();
    queues.runs.jobs.set(`run-${waiting.id}-0`, "waiting");
    await sweep();
    expect((await readRunRow(ledger.db, waiting.id)).queuedAtMs).toBeGreaterThan(LONG_AGO);
  });
});

test("two sweeps at once hand each thing over once", async () => {
  const unqueued = await Promise.all([oldRun(), oldRun()]);
  const forgotten = await Promise.all([oldRun({ queuedAtMs: LONG_AGO }), oldRun({ queuedAtMs: LONG_AGO })]);
  const key = await oldEvent();
  await ledger.db.update(events).set({ queuedAtMs: LONG_AGO }).where(eq(events.key, key));
  const { sweep, queues } = openQueues();
  await Promise.all([sweep(), sweep(), sweep()]);
  expect(queues.runs.added.toSorted()).toEqual(
    [...unqueued.map(({ id }) => `run-${id}-0`), ...forgotten.map(({ id }) => `run-${id}-1`)].toSorted(),
  );
  expect(queues.events.added).toEqual([`event-${key}-1`]);
});

test("a run that was held while its rule was being resumed goes on", async () => {
  const held = await oldRun({ status: "held", queue: null });
  const { sweep, queues } = openQueues();
  const state = { ruleName: rule.name, reason: null, nextAction: null, changedBy: "operator", sinceMs: 1 };
  await setRuleState(ledger.db, { ...state, state: "paused" });
  await sweep();
  expect(await readRunRow(ledger.db, held.id)).toMatchObject({ status: "held", queue: null });
  await setRuleState(ledger.db, { ...state, state: "active" });
  await sweep();
  await ledger.db.update(runs).set({ updatedAtMs: LONG_AGO }).where(eq(runs.id, held.id));
  await sweep();
  expect(await readRunRow(ledger.db, held.id)).toMatchObject({ status: "queued", queue: "runs" });
  expect(queues.runs.added).toEqual([`run-${held.id}-1`]);
});

describe("the ticker", () => {
  const lookout = { until: async () => undefined };
  const stops: (() => void)[] = [];
  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
  });

  test("names the same job in every process, so that each period has one", async () => {
    const queue = fakeQueue();
    const asked: string[] = [];
    const add = async (jobs: readonly NewJob[]) => {
      asked.push(...jobs.map(({ id }) => id));
      await queue.add(jobs);
    };
    const clock = { ...systemClock, now: () => 7_200_000 };
    const watched: JobQueue = Object.create(queue, { add: { value: add } });
    stops.push(startTicker({ queue: watched, clock, log: silentLog, lookout, retentionMs: 90 * DAY_MS }));
    stops.push(startTicker({ queue: watched, clock, log: silentLog, lookout, retentionMs: 90 * DAY_MS }));
    await vi.waitFor(() => expect(asked).toHaveLength(4), SOON);
    expect(queue.added).toEqual(["sweep-3600", "retention-2"]);
  });

  test("where little is remembered, forgetting is asked for more often than each hour", async () => {
    const queue = fakeQueue();
    const clock = { ...systemClock, now: () => 7_200_000 };
    stops.push(startTicker({ queue, clock, log: silentLog, lookout, retentionMs: 24 * 60_000 }));
    await vi.waitFor(() => expect(queue.added).toEqual(["sweep-3600", "retention-120"]), SOON);
  });

  test("asks again in the next period, and after the queue was away", async () => {
    const queue = fakeQueue();
    queue.away = true;
    let nowMs = 10_000;
    stops.push(
      startTicker({
        queue,
        clock: { ...systemClock, now: () => nowMs },
        log: silentLog,
        lookout,
        retentionMs: 90 * DAY_MS,
      }),
    );
    queue.away = false;
    nowMs = 12_000;
    await vi.waitFor(() => expect(queue.added).toContain("sweep-6"), SOON);
  });
});

// By an hour it is ahead that takes the time of its place for another; of that a minute has passed.
describe.each([
  { what: "a day", aheadMs: DAY_MS },
  { what: "an hour", aheadMs: 59 * 60_000 },
])("after a clock was $what ahead", ({ aheadMs }) => {
  const AHEAD_MS = Date.now() + aheadMs;

  test.each([
    { what: "whose worker died then", change: { leaseOwner: "a dead worker", leaseUntilMs: AHEAD_MS } },
    { what: "that was to be tried again a moment later", change: { updatedAtMs: AHEAD_MS, notBeforeMs: AHEAD_MS } },
    { what: "whose file was to be left alone for a moment", change: { updatedAtMs: AHEAD_MS, dueAtMs: AHEAD_MS } },
    { what: "that was handed over then, and lost", change: { updatedAtMs: AHEAD_MS, queuedAtMs: AHEAD_MS } },
    { what: "that was made then, and not handed over", change: { updatedAtMs: AHEAD_MS } },
  ])("a run $what goes on at once", async ({ change }) => {
    const run = await oldRun({ queuedAtMs: LONG_AGO, ...change });
    const { sweepNow, queues } = openQueues();
    queues.runs.jobs.set(`run-${run.id}-0`, "delayed");
    await sweepNow();
    await ledger.db.update(runs).set({ updatedAtMs: LONG_AGO }); // a moment passes
    await sweepNow();
    expect(queues.runs.added).toEqual([`run-${run.id}-1`]);
    const { leaseUntilMs, notBeforeMs, dueAtMs } = await readRunRow(ledger.db, run.id);
    expect([leaseUntilMs, notBeforeMs]).toEqual([0, 0]);
    expect(dueAtMs).toBeLessThanOrEqual(Date.now());
  });

  test.each([
    { what: "came then, and was not handed over", change: { receivedAtMs: AHEAD_MS } },
    { what: "was handed over then, and lost", change: { queuedAtMs: AHEAD_MS } },
  ])("an event that $what is handed over at once", async ({ change }) => {
    const key = await oldEvent();
    await ledger.db.update(events).set(change).where(eq(events.key, key));
    const { sweepNow, queues } = openQueues();
    await sweepNow();
    await ledger.db.update(events).set({ receivedAtMs: LONG_AGO }); // a moment passes
    await sweepNow();
    expect(queues.events.added).toEqual([`event-${key}-1`]);
  });

  test("a run whose worker died a moment after the clock was put right goes on soon after its lease has ended", async () => {
    let shiftMs = 0;
    const { sweepNow, queues } = openQueues({ ...systemClock, now: () => Date.now() + shiftMs });
    const held = { leaseOwner: "a dead worker", leaseUntilMs: Date.now() + 4_000 };
    const run = await oldRun({ queuedAtMs: AHEAD_MS, updatedAtMs: AHEAD_MS, ...held });
    queues.runs.jobs.set(`run-${run.id}-0`, "active");
    await sweepNow();
    expect(queues.runs.added).toEqual([]);
    // By less than would be a jump each time.
    for (; shiftMs < 15_000; shiftMs += 900) await sweepNow();
    expect(queues.runs.added).toEqual([`run-${run.id}-1`]);
  });

  test("a run that somebody has waits until he says again that he has it, when the clock was set", async () => {
    let shiftMs = 0;
    const { sweepNow, queues } = openQueues({ ...systemClock, now: () => Date.now() + shiftMs });
    const held = () => ({ leaseOwner: "a worker", leaseUntilMs: Date.now() + shiftMs + 5_000 });
    const run = await oldRun({ queuedAtMs: LONG_AGO, ...held() });
    queues.runs.jobs.set(`run-${run.id}-0`, "active");
    await sweepNow();
    for (const jumpMs of [DAY_MS, 0, -DAY_MS]) {
      shiftMs = jumpMs;
      await sweepNow();
      await ledger.db.update(runs).set(held()).where(eq(runs.id, run.id));
      await sweepNow();
    }
    expect(queues.runs.added).toEqual([]);
    expect((await readRunRow(ledger.db, run.id)).generation).toBe(0);
  });

  test("an app whose slot was held then, or that was given a rest, takes runs and is tried with more", async () => {
    const app = { app: randomUUID(), slots: 1, startSlots: 1 };
    const then = { changedAtMs: AHEAD_MS, quietSinceMs: AHEAD_MS, restUntilMs: AHEAD_MS + 500 };
    await ledger.db.insert(appLimits).values({ ...app, ...then });
    const held = { runId: "r", owner: "a dead worker", takenAtMs: AHEAD_MS, untilMs: AHEAD_MS + 4_000 };
    await ledger.db.insert(appSlots).values({ app: app.app, slot: 1, ...held });
    await openQueues().sweepNow();
    expect(await readAppRoom(ledger.db, app.app, Date.now())).toEqual({ slots: 1, free: 1 });
    expect(await raiseAppLimit(ledger.db, app.app, 2, Date.now() + QUIET_MS)).toBe(2);
  });

  test("what waits for days because an upstream asked for that, or a rule wants it, waits on", async () => {
    const days = Date.now() + 3 * DAY_MS;
    const [putOff, gathers] = await Promise.all([
      oldRun({ queuedAtMs: LONG_AGO, notBeforeMs: days }),
      oldRun({ queuedAtMs: null, dueAtMs: days }),
    ]);
    const app = { app: randomUUID(), slots: 1, startSlots: 1, changedAtMs: LONG_AGO, quietSinceMs: LONG_AGO };
    await ledger.db.insert(appLimits).values({ ...app, restUntilMs: days });
    const { sweepNow, queues } = openQueues();
    await sweepNow();
    expect(queues.runs.added).toEqual([]);
    expect((await readRunRow(ledger.db, putOff.id)).notBeforeMs).toBe(days);
    expect((await readRunRow(ledger.db, gathers.id)).dueAtMs).toBe(days);
    expect((await readAppRoom(ledger.db, app.app, Date.now())).free).toBe(0);
  });
});

describe("retention", () => {
  const chore = (signal = new AbortController().signal, nowMs = Date.now()) =>
    processUpkeep({
      db: ledger.db,
      clock: { ...systemClock, now: () => nowMs },
      log: silentLog,
      newId: () => randomUUID(),
      sweep: async () => undefined,
      retentionMs: 90 * DAY_MS,
    })("retention", signal);

  const ended = async (agoMs: number, change: Parameters<typeof givenRun>[2] = {}): Promise<RunRow> => {
    const atMs = Date.now() - agoMs;
    const key = await givenEvent(ledger.db, { workspaceId: "w", objectId: "n", receivedAtMs: atMs });
    await closeEvent(ledger.db, key, { status: "routed", reasons: {} }, atMs);
    const run = await givenRun(ledger.db, rule, {
      eventKey: key,
      queue: null,
      status: "delivered",
      finishedAtMs: atMs,
      ...change,
    });
    await saveOutput(ledger.db, {
      runId: run.id,
      ordinal: 0,
      kind: "text",
      name: "a.txt",
      mimeType: "text/plain",
      size: 1,
    });
    await recordAttempt(ledger.db, {
      runId: run.id,
      step: "fetch",
      worker: "w",
      startedAtMs: atMs,
      finishedAtMs: atMs,
      outcome: "done",
    });
    return run;
  };

  test("what ended long ago is forgotten with all that belongs to it, the rest stays", async () => {
    const old = await ended(91 * DAY_MS);
    const young = await ended(89 * DAY_MS);
    expect(await chore()).toEqual({ kind: "done" });
    const left = async () => ({
      runs: (await ledger.db.select().from(runs)).map(({ id }) => id),
      outputs: (await ledger.db.select().from(outputs)).map(({ runId }) => runId),
      attempts: (await ledger.db.select().from(attempts)).map(({ runId }) => runId),
    });
    expect(await left()).toEqual({ runs: [young.id], outputs: [young.id], attempts: [young.id] });
    expect(await findEvent(ledger.db, old.eventKey)).toBe(undefined);
    expect(await findEvent(ledger.db, young.eventKey)).not.toBe(undefined);
  });

  test.each([
    { name: "a run that is still in a queue", change: { queue: "runs", status: "running", finishedAtMs: null } },
    { name: "a run that is held", change: { queue: null, status: "held", finishedAtMs: null } },
    { name: "a run that waits for a person", change: { queue: null, status: "paused", finishedAtMs: null } },
  ] as const)("$name is never forgotten, however old, nor is its event", async ({ change }) => {
    const run = await ended(400 * DAY_MS, change);
    await chore();
    expect((await readRunRow(ledger.db, run.id)).id).toBe(run.id);
    expect(await findEvent(ledger.db, run.eventKey)).not.toBe(undefined);
  });

  test("a clock that is years ahead for an hour costs a day of what is remembered, and one put right goes on", async () => {
    const ages = [89.5, 88.5, 1];
    const [first, second, third] = await Promise.all(ages.map((days) => ended(days * DAY_MS)));
    const left = async () => (await ledger.db.select().from(runs)).map(({ id }) => id).sort();
    const afterMs = async (ms: number): Promise<readonly string[]> => {
      await chore(undefined, Date.now() + ms);
      return left();
    };
    const all = [first, second, third].map((run) => run?.id ?? "").sort();
    const allButOne = [second, third].map((run) => run?.id ?? "").sort();
    expect(await afterMs(0)).toEqual(all);
    const years = 20 * 365 * DAY_MS;
    expect(await afterMs(years)).toEqual(allButOne);
    expect(await afterMs(years + 5_000)).toEqual(allButOne);
    expect(await afterMs(-DAY_MS)).toEqual(allButOne);
    expect(await afterMs(DAY_MS)).toEqual(allButOne);
    expect(await afterMs(2.1 * DAY_MS)).toEqual([third?.id]);
  });

  test("an event nobody has routed yet is never forgotten", async () => {
    const key = await givenEvent(ledger.db, { workspaceId: "w", objectId: "n", receivedAtMs: 1 });
    await chore();
    expect(await findEvent(ledger.db, key)).not.toBe(undefined);
  });

  test("a chore that takes too long gives way to the others, and goes on later", async () => {
    const many = Array.from({ length: 1_500 }, (_, index) => ({ minuteMs: 0, reason: `r${index}`, count: 1 }));
    await ledger.db.insert(refusals).values(many);
    let nowMs = 100 * DAY_MS;
    const slow = () =>
      processUpkeep({
        db: ledger.db,
        // Each look at the clock finds that long has passed.
        clock: { ...systemClock, now: () => (nowMs += 4_000) },
        log: silentLog,
        newId: () => randomUUID(),
        sweep: async () => undefined,
        retentionMs: 90 * DAY_MS,
      })("retention", new AbortController().signal);
    expect(await slow()).toMatchObject({ kind: "later" });
    expect(await ledger.db.$count(refusals)).toBe(500);
    expect(await slow()).toMatchObject({ kind: "later" });
    expect(await slow()).toEqual({ kind: "done" });
    expect(await ledger.db.$count(refusals)).toBe(0);
  });

  test("who did what by hand is remembered for a year, whatever is forgotten of runs, and no longer", async () => {
    const done = (target: string, agoMs: number) =>
      recordOperatorAction(ledger.db, {
        atMs: Date.now() - agoMs,
        actor: "operator",
        action: "run.replay",
        target,
        detail: {},
      });
    await done("last month", 30 * DAY_MS);
    await done("in spring", 200 * DAY_MS);
    await done("two years ago", 730 * DAY_MS);
    await chore();
    const left = await ledger.db.select().from(operatorActions);
    expect(left.map(({ target }) => target)).toEqual(["last month", "in spring"]);
  });

  test("more rows than one call forgets are forgotten by one chore", async () => {
    await ledger.db.insert(deliveries).values(
      Array.from({ length: 2_500 }, (_, index) => ({
        id: `d${index}`,
        receivedAtMs: 1,
        route: "fastio",
        verdict: "accepted" as const,
        bodyBytes: 1,
        eventKeys: [],
      })),
    );
    await chore();
    expect(await ledger.db.select().from(deliveries)).toEqual([]);
  });

  test("the sweep is the other chore", async () => {
    let swept = 0;
    const handle = processUpkeep({
      db: ledger.db,
      clock: systemClock,
      log: silentLog,
      newId: () => randomUUID(),
      sweep: async () => {
        swept += 1;
      },
      retentionMs: 1,
    });
    expect(await handle("sweep", new AbortController().signal)).toEqual({ kind: "done" });
    expect(swept).toBe(1);
  });
});
