import { and, asc, desc, eq, gt, inArray, isNotNull, isNull, lt, lte, notExists, or, type SQL, sql } from "drizzle-orm";
import { FLOOD_HELD } from "./flood.ts";
import type { Db } from "./open-ledger.ts";
import {
  attempts,
  type OutputRow,
  outputs,
  type RunQueue,
  type RunRow,
  type RunStatus,
  ruleStates,
  runs,
} from "./schema.ts";

/** How early a job may come without being sent back, in milliseconds. */
const EARLY_MS = 100;

export type NewRun = typeof runs.$inferInsert;

export async function findRun(db: Db, id: string): Promise<RunRow | undefined> {
  const [row] = await db.select().from(runs).where(eq(runs.id, id));
  return row;
}

/**
 * Takes a run for one worker until the lease ends.
 * @returns the run; `held` with the end of the other's lease; or `finished` when nothing is left to do for this queue
 */
export async function claimRun(
  db: Db,
  id: string,
  queue: RunQueue,
  lease: { readonly owner: string; readonly nowMs: number; readonly untilMs: number },
): Promise<
  | { readonly kind: "claimed"; readonly run: RunRow }
  | { readonly kind: "held"; readonly untilMs: number }
  | { readonly kind: "finished" }
> {
  const [run] = await db
    .update(runs)
    .set({
      leaseOwner: lease.owner,
      leaseUntilMs: lease.untilMs,
      startedAtMs: sql`coalesce(${runs.startedAtMs}, ${lease.nowMs})`,
    })
    .where(
      and(
        eq(runs.id, id),
        eq(runs.queue, queue),
        // A job that was handed over twice comes before the time the upstream asked for.
        lt(runs.notBeforeMs, lease.nowMs + EARLY_MS),
        or(lt(runs.leaseUntilMs, lease.nowMs), eq(runs.leaseOwner, lease.owner)),
      ),
    )
    .returning();
  if (run) return { kind: "claimed", run };
  const found = await findRun(db, id);
  return found?.queue === queue
    ? { kind: "held", untilMs: Math.max(found.leaseUntilMs, found.notBeforeMs) }
    : { kind: "finished" };
}

/** Lengthens a lease. @returns undefined when it was lost; else when somebody asked to cancel the run, if so */
export async function renewLease(
  db: Db,
  id: string,
  owner: string,
  untilMs: number,
): Promise<{ readonly cancelAskedAtMs: number | null } | undefined> {
  const [kept] = await db
    .update(runs)
    .set({ leaseUntilMs: untilMs })
    .where(and(eq(runs.id, id), eq(runs.leaseOwner, owner)))
    .returning({ cancelAskedAtMs: runs.cancelAskedAtMs });
  return kept;
}

/** Frees every lease: right after start on an embedded ledger, whose only user is this process. */
export async function releaseAllLeases(db: Db): Promise<void> {
  await db.update(runs).set({ leaseOwner: null, leaseUntilMs: 0 }).where(isNotNull(runs.leaseOwner));
}

export type RunChange = Partial<
  Omit<RunRow, "id" | "ruleName" | "rule" | "eventKey" | "createdAtMs" | "updatedAtMs" | "leaseOwner" | "leaseUntilMs">
>;

export type CheckpointOptions = {
  /** Gives the lease back. */
  readonly release?: boolean;
  /** What the run is to wait for; not so when somebody asked to cancel it meanwhile, as that is due at once. */
  readonly wait?: { readonly notBeforeMs: number; readonly waitingApp?: string };
};

/**
 * Writes a checkpoint, provided the lease is still ours.
 * @returns the run as it stands now, or undefined when the lease was lost
 */
export async function checkpointRun(
  db: Db,
  id: string,
  owner: string,
  change: RunChange,
  nowMs: number,
  { release = false, wait }: CheckpointOptions = {},
): Promise<RunRow | undefined> {
  const isWanted = isNull(runs.cancelAskedAtMs);
  const [run] = await db
    .update(runs)
    .set({
      ...change,
      ...(wait && { notBeforeMs: sql`case when ${isWanted} then ${wait.notBeforeMs}::bigint else 0 end` }),
      ...(wait?.waitingApp !== undefined && {
        waitingApp: sql`case when ${isWanted} then ${wait.waitingApp}::text else null end`,
      }),
      updatedAtMs: nowMs,
      ...(release ? { leaseOwner: null, leaseUntilMs: 0 } : {}),
    })
    .where(and(eq(runs.id, id), eq(runs.leaseOwner, owner)))
    .returning();
  return run;
}

/**
 * Writes down one try at a step. Tries that only found out that it is too early become one line that grows,
 * because there may be thousands of them.
 */
export async function recordAttempt(db: Db, attempt: typeof attempts.$inferInsert): Promise<void> {
  if (attempt.outcome === "later") {
    const [last] = await db
      .select()
      .from(attempts)
      .where(eq(attempts.runId, attempt.runId))
      .orderBy(desc(attempts.id))
      .limit(1);
    if (last?.outcome === "later" && last.step === attempt.step) {
      const { startedAtMs: _first, ...rest } = attempt;
      await db.update(attempts).set(rest).where(eq(attempts.id, last.id));
      return;
    }
  }
  await db.insert(attempts).values(attempt);
}

export function listAttempts(db: Db, runId: string) {
  return db.select().from(attempts).where(eq(attempts.runId, runId)).orderBy(asc(attempts.id));
}

export async function listOutputs(db: Db, runId: string): Promise<readonly OutputRow[]> {
  return db.select().from(outputs).where(eq(outputs.runId, runId)).orderBy(asc(outputs.ordinal));
}

/** Remembers an output; a repeat overwrites what was learned before, except where it was placed. */
export async function saveOutput(db: Db, output: typeof outputs.$inferInsert): Promise<void> {
  const { runId: _run, ordinal: _ordinal, ...rest } = output;
  await db
    .insert(outputs)
    .values(output)
    .onConflictDoUpdate({ target: [outputs.runId, outputs.ordinal], set: rest, setWhere: isNull(outputs.placedAtMs) });
}

/** Remembers where an output stands now; its text is in Fast.io from here on and leaves the ledger. */
export async function markPlaced(db: Db, runId: string, ordinal: number, nodeId: string, nowMs: number): Promise<void> {
  await db
    .update(outputs)
    .set({ nodeId, placedAtMs: nowMs, content: null })
    .where(and(eq(outputs.runId, runId), eq(outputs.ordinal, ordinal)));
}

export async function setOutputUpload(db: Db, runId: string, ordinal: number, uploadId: string): Promise<void> {
  await db
    .update(outputs)
    .set({ uploadId })
    .where(and(eq(outputs.runId, runId), eq(outputs.ordinal, ordinal)));
}

/** Marks runs as handed to the queue. */
export async function markRunsQueued(db: Db, ids: readonly string[], nowMs: number): Promise<void> {
  await db
    .update(runs)
    .set({ queuedAtMs: nowMs })
    .where(inArray(runs.id, [...ids]));
}

export type QueuedRun = { readonly id: string; readonly queue: RunQueue | null; readonly generation: number };

const queuedRun = { id: runs.id, queue: runs.queue, generation: runs.generation };

/** Unfinished runs that no queue was told of, and that are due. */
export function listUnqueuedRuns(db: Db, nowMs: number, updatedBeforeMs: number, limit: number): Promise<QueuedRun[]> {
  return db
    .select(queuedRun)
    .from(runs)
    .where(
      and(
        isNotNull(runs.queue),
        isNull(runs.queuedAtMs),
        lt(runs.updatedAtMs, updatedBeforeMs),
        lte(runs.dueAtMs, nowMs),
        isNull(runs.gatheringKey),
      ),
    )
    .orderBy(asc(runs.updatedAtMs), asc(runs.createdAtMs))
    .limit(limit);
}

/** Since when nobody has worked on it, by its lease and its last checkpoint. */
export type OverdueRun = QueuedRun & { readonly idleSinceMs: number; readonly notBeforeMs: number };

/**
 * Unfinished runs that were handed over, that nobody works on, and whose time has come. Those that wait for an app come
 * last: thousands may, and few of them are due.
 */
export async function listOverdueRuns(
  db: Db,
  nowMs: number,
  queuedBeforeMs: number,
  limit: number,
): Promise<OverdueRun[]> {
  const overdue = (waits: SQL, first: typeof runs.queuedAtMs | typeof runs.notBeforeMs, most: number) =>
    db
      .select({
        ...queuedRun,
        notBeforeMs: runs.notBeforeMs,
        idleSinceMs: sql`greatest(${runs.leaseUntilMs}, ${runs.updatedAtMs})`.mapWith(Number),
      })
      .from(runs)
      .where(
        and(
          isNotNull(runs.queue),
          waits,
          lt(runs.queuedAtMs, queuedBeforeMs),
          lt(runs.leaseUntilMs, nowMs),
          lt(runs.notBeforeMs, queuedBeforeMs),
        ),
      )
      .orderBy(asc(first))
      .limit(most);
  const inQueue = await overdue(isNull(runs.waitingApp), runs.queuedAtMs, limit);
  if (inQueue.length >= limit) return inQueue;
  return [...inQueue, ...(await overdue(isNotNull(runs.waitingApp), runs.notBeforeMs, limit - inQueue.length))];
}

/** Claims a run for a new hand-over. Only one of several sweeps wins. */
export async function renewRunGeneration(db: Db, id: string, generation: number): Promise<boolean> {
  const won = await db
    .update(runs)
    .set({ generation: generation + 1, queuedAtMs: null })
    .where(and(eq(runs.id, id), eq(runs.generation, generation), isNotNull(runs.queue)))
    .returning({ id: runs.id });
  return won.length > 0;
}

/**
 * Lets runs go on that were held back: by a paused rule, as soon as it is paused no more; by the limit of a day, as soon
 * as that day is over. Called when a rule is resumed, and by the sweep.
 * @param resumed a rule whose runs are let go before their time; what is over its limit still will be held again
 * @returns how many
 */
export async function releaseHeldRuns(db: Db, nowMs: number, resumed?: string): Promise<number> {
  const paused = db
    .select({ name: ruleStates.ruleName })
    .from(ruleStates)
    .where(and(eq(ruleStates.ruleName, runs.ruleName), eq(ruleStates.state, "paused")));
  const freed = await db
    .update(runs)
    .set({
      status: "queued",
      queue: sql`case when ${runs.collectedAtMs} is null then 'runs' else 'shares' end`,
      queuedAtMs: null,
      generation: sql`${runs.generation} + 1`,
      notBeforeMs: 0,
      errorCode: null,
      errorMessage: null,
      errorStep: null,
      nextAction: null,
      updatedAtMs: nowMs,
    })
    .where(
      and(
        // Word for word as in the index, or the planner does not see that it fits.
        sql`${runs.status} = 'held'`,
        // An operator lets those go on.
        sql`${runs.errorCode} is distinct from ${FLOOD_HELD}`,
        notExists(paused),
        or(lt(runs.notBeforeMs, nowMs + EARLY_MS), resumed === undefined ? undefined : eq(runs.ruleName, resumed)),
      ),
    )
    .returning({ id: runs.id });
  return freed.length;
}

/**
 * Lets a paused run be looked at soon, since it was answered: the sweep hands it over anew.
 * The job it waits in finds nothing to do, or does it first; either is well.
 */
export async function hastenPausedRun(db: Db, id: string, progress: string, nowMs: number): Promise<void> {
  await db
    .update(runs)
    .set({
      notBeforeMs: 0,
      queuedAtMs: null,
      generation: sql`${runs.generation} + 1`,
      nextAction: null,
      progress,
      updatedAtMs: nowMs,
    })
    .where(and(eq(runs.id, id), eq(runs.status, "paused"), isNotNull(runs.queue)));
}

/** A place in the list of runs: many runs may be made in one millisecond. */
export type RunPlace = { readonly createdAtMs: number; readonly id: string };

/** Newest runs first. @param filter `after` names the last run of the page before */
export function listRuns(
  db: Db,
  filter: { readonly status?: RunStatus; readonly after?: RunPlace; readonly updatedAfterMs?: number },
  limit: number,
): Promise<RunRow[]> {
  const { after } = filter;
  return db
    .select()
    .from(runs)
    .where(
      and(
        filter.status ? eq(runs.status, filter.status) : undefined,
        after &&
          or(
            lt(runs.createdAtMs, after.createdAtMs),
            and(eq(runs.createdAtMs, after.createdAtMs), lt(runs.id, after.id)),
          ),
        filter.updatedAfterMs === undefined ? undefined : gt(runs.updatedAtMs, filter.updatedAfterMs),
      ),
    )
    .orderBy(desc(runs.createdAtMs), desc(runs.id))
    .limit(limit);
}

/** How many runs stand where. */
export async function countRuns(db: Db): Promise<Readonly<Partial<Record<RunStatus, number>>>> {
  const rows = await db
    .select({ status: runs.status, count: sql<number>`count(*)::int` })
    .from(runs)
    .groupBy(runs.status);
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}
