import type { Clock } from "../../src/clock.ts";
import { closeBatches } from "../../src/ledger/batches.ts";
import { reviveCancelled } from "../../src/ledger/cancel-run.ts";
import {
  listOverdueEvents,
  listUnqueuedEvents,
  markEventsQueued,
  renewEventGeneration,
} from "../../src/ledger/event-queries.ts";
import {
  listOverdueRuns,
  listUnqueuedRuns,
  markRunsSeen,
  type OverdueRun,
  type QueuedRun,
  renewRunGeneration,
} from "../../src/ledger/hand-overs.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { releaseHeldRuns } from "../../src/ledger/release-runs.ts";
import { undoFuture } from "../../src/ledger/undo-future.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { watchClock } from "../../src/watch-clock.ts";
import { eventJob } from "../events/job.ts";
import type { Outbox, Queues } from "../outbox.ts";
import { runJob } from "../runs/job.ts";
import { shareJob } from "../shares/job.ts";

export type SweepDeps = {
  readonly db: Db;
  readonly queues: Queues;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
};

/** Work committed longer ago than this should have reached the queue without us. */
const UNQUEUED_AFTER_MS = 1_500;
/** Work handed over longer ago than this is looked for in the queue. */
const OVERDUE_AFTER_MS = 3_000;
const MAX_ROWS = 1_000;
/** Of a long backlog so many are looked for, those first that were not for longest; more only when one of them is lost. */
const SAMPLE = 100;
/**
 * A job that is at work renews the lease of its run every second, and BullMQ takes the job of a dead worker back within
 * six; an active one whose run nobody has held for so long has lost its worker for good.
 */
const ABANDONED_AFTER_MS = 10_000;
/** Routing an event takes a moment; an active job of that for so long has lost its worker. Routing it twice does no harm. */
const UNROUTED_AFTER_MS = 30_000;
/**
 * The ledger says when a run is due. A job that the queue puts off for so much longer was put off by the queue itself,
 * for up to five minutes, since it failed before it could get at the ledger.
 */
const OVERSLEPT_AFTER_MS = 30_000;
/** How often what a wrong clock put off is looked for; and anew when ours was set. */
const UNDO_EVERY_MS = 600_000;
/** The second time it is looked for: by then the lease of a worker that is dead has ended, and what he had shows. */
const UNDO_AGAIN_MS = 10_000;
/** States in which the queue will bring a job back by itself. */
const ALIVE: ReadonlySet<string> = new Set(["waiting", "active", "delayed", "paused"]);

/**
 * Compares the ledger with the queue and hands over what the queue lacks: work it was never told of
 * (it was down, or we died after the commit), work it has forgotten (it was wiped, or evicted), and work that a clock that
 * was wrong put off.
 * @param signal ends with the lease
 * @returns how many events and runs were handed over
 */
export const sweep = ({ db, queues, outbox, clock, log }: SweepDeps) => {
  const jumpedMs = watchClock(clock);
  let undoAtMs = Number.NEGATIVE_INFINITY;
  return async (signal?: AbortSignal): Promise<{ readonly events: number; readonly runs: number }> => {
    const nowMs = clock.now();
    if (jumpedMs() !== 0) {
      // All leases seem to have ended, or to last too long, until their owners renew them, which takes them a second.
      undoAtMs = Number.NEGATIVE_INFINITY;
      return { events: 0, runs: 0 };
    }
    if (nowMs >= undoAtMs) {
      const count = await undoFuture(db, nowMs);
      undoAtMs = nowMs + (undoAtMs < 0 ? UNDO_AGAIN_MS : UNDO_EVERY_MS);
      if (count > 0) log.warn("sweep.future_undone", { count });
    }
    const events = [...(await listUnqueuedEvents(db, nowMs - UNQUEUED_AFTER_MS, MAX_ROWS))];
    const aliveKeys: string[] = [];
    const overdueEvents = await sampled(
      (limit) => listOverdueEvents(db, nowMs - OVERDUE_AFTER_MS, limit),
      (overdue) => judgeEvents(queues, overdue, nowMs),
    );
    for (const { key, generation, type, workspaceId, actorUserId, verdict } of overdueEvents) {
      if (verdict === "alive") aliveKeys.push(key);
      else if (verdict === "lost" && (await renewEventGeneration(db, key, generation)))
        events.push({ key, generation: generation + 1, type, workspaceId, actorUserId });
    }
    // Behind those that have not been looked at for longer, or a long backlog would hide what is lost.
    if (aliveKeys.length > 0) await markEventsQueued(db, aliveKeys, nowMs);

    // Another process may be at it by now. Two at once would do no harm, but twice the work.
    signal?.throwIfAborted();
    await releaseHeldRuns(db, nowMs);
    await closeBatches(db, nowMs);
    await reviveCancelled(db, nowMs);
    const runs = await listUnqueuedRuns(db, nowMs, nowMs - UNQUEUED_AFTER_MS, MAX_ROWS);
    const aliveIds: string[] = [];
    const overdueRuns = await sampled(
      (limit) => listOverdueRuns(db, nowMs, nowMs - OVERDUE_AFTER_MS, limit),
      (overdue) => judgeRuns(queues, overdue, nowMs),
    );
    for (const { run, verdict } of overdueRuns) {
      if (verdict === "alive") aliveIds.push(run.id);
      else if (await renewRunGeneration(db, run.id, run.generation))
        runs.push({ ...run, generation: run.generation + 1 });
    }
    if (aliveIds.length > 0) await markRunsSeen(db, aliveIds, nowMs);

    await outbox.sendEvents(events);
    await outbox.sendRuns(runs);
    if (events.length + runs.length > 0) log.info("sweep.handed_over", { events: events.length, runs: runs.length });
    return { events: events.length, runs: runs.length };
  };
};

type Verdict = "alive" | "at_work" | "lost";

async function sampled<Row, Judged extends { readonly verdict: Verdict }>(
  list: (limit: number) => Promise<readonly Row[]>,
  judge: (rows: readonly Row[]) => Promise<readonly Judged[]>,
): Promise<readonly Judged[]> {
  const first = await judge(await list(SAMPLE));
  return first.length < SAMPLE || first.every(({ verdict }) => verdict !== "lost")
    ? first
    : judge(await list(MAX_ROWS));
}

type OverdueEvent = Awaited<ReturnType<typeof listOverdueEvents>>[number];

async function judgeEvents(
  queues: Queues,
  overdue: readonly OverdueEvent[],
  nowMs: number,
): Promise<readonly (OverdueEvent & { readonly verdict: Verdict })[]> {
  const states = await queues.events.states(overdue.map(({ key, generation }) => eventJob(key, generation).id));
  return overdue.map((event) => {
    const state = states.get(eventJob(event.key, event.generation).id) ?? "unknown";
    // Its time is not renewed, so that it shows when it has been at work for too long; there are but few.
    if (state === "active" && nowMs - (event.queuedAtMs ?? 0) <= UNROUTED_AFTER_MS)
      return { ...event, verdict: "at_work" };
    return { ...event, verdict: state !== "active" && ALIVE.has(state) ? "alive" : "lost" };
  });
}

async function judgeRuns(
  queues: Queues,
  overdue: readonly OverdueRun[],
  nowMs: number,
): Promise<readonly { readonly run: QueuedRun; readonly verdict: Verdict }[]> {
  const judged: { run: QueuedRun; verdict: Verdict }[] = [];
  for (const [queue, jobOf] of [["runs", runJob] as const, ["shares", shareJob] as const]) {
    const mine = overdue.filter((run) => run.queue === queue);
    if (mine.length === 0) continue;
    const states = await queues[queue].states(mine.map(({ id, generation }) => jobOf(id, generation).id));
    for (const { idleSinceMs, notBeforeMs, ...run } of mine) {
      const state = states.get(jobOf(run.id, run.generation).id) ?? "unknown";
      const abandoned = state === "active" && nowMs - idleSinceMs > ABANDONED_AFTER_MS;
      const overslept = state === "delayed" && nowMs - Math.max(idleSinceMs, notBeforeMs) > OVERSLEPT_AFTER_MS;
      judged.push({ run, verdict: ALIVE.has(state) && !abandoned && !overslept ? "alive" : "lost" });
    }
  }
  return judged;
}
