import { and, asc, eq, isNotNull, isNull, lt, lte, notExists, type SQL, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { among } from "./lines.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { appStates, type RunQueue, runs } from "./schema.ts";

const marked = builtOnce((db) =>
  db
    .update(runs)
    .set({ queuedAtMs: sql`${sql.placeholder("nowMs")}` })
    .where(sql`${runs.id} = any(${sql.placeholder("ids")}::text[])`)
    .prepare(UNNAMED),
);

/**
 * What makes a run go to its queue once more, at once: the sweep hands it over, and whatever job of it is there already
 * finds nothing to do.
 */
export const HANDED_OVER_ANEW = { queuedAtMs: null, generation: sql`${runs.generation} + 1`, notBeforeMs: 0 } as const;

/** The queue whose worker knows what a run has under way. */
export const QUEUE_AT_WORK = sql<RunQueue>`case when ${runs.collectedAtMs} is null then 'runs' else 'shares' end`;

/** Marks runs as handed to the queue; null: as not handed over after all. */
export async function markRunsQueued(db: Db, ids: readonly string[], nowMs: number | null): Promise<void> {
  if (ids.length > 0) await marked(db).execute({ ids, nowMs });
}

/**
 * Whose row nobody holds just now. The sweep goes through runs of all: one that somebody has locked, as a forgotten
 * transaction does, is left to a later one, and does not keep it from the others.
 */
export const isFree = (condition: SQL): SQL =>
  sql`${runs.id} in (select id from ${runs} where ${condition} for update skip locked)`;

/** Marks runs as looked for in the queue. */
export async function markRunsSeen(db: Db, ids: readonly string[], nowMs: number): Promise<void> {
  if (ids.length > 0)
    await db
      .update(runs)
      .set({ queuedAtMs: nowMs })
      .where(isFree(among(runs.id, ids)));
}

export type QueuedRun = {
  readonly id: string;
  readonly queue: RunQueue | null;
  readonly generation: number;
  /** Whether the ledger says already that the queue has it; when it cannot be handed over, the ledger is told so. */
  readonly isMarked?: boolean;
  /** Left out where nobody knows it. */
  readonly workspaceId?: string;
};

const queuedRun = { id: runs.id, queue: runs.queue, generation: runs.generation };

/**
 * Unfinished runs that no queue was told of, and that are due: what is to be delivered before what is to be begun, and of
 * each those first that wait for longest.
 */
export async function listUnqueuedRuns(
  db: Db,
  nowMs: number,
  updatedBeforeMs: number,
  limit: number,
): Promise<QueuedRun[]> {
  // Each queue by itself: in that way the index has them in order, however many wait.
  const of = (queue: RunQueue, most: number) =>
    db
      .select(queuedRun)
      .from(runs)
      .where(
        and(
          eq(runs.queue, queue),
          isNull(runs.queuedAtMs),
          lt(runs.updatedAtMs, updatedBeforeMs),
          lte(runs.dueAtMs, nowMs),
          isNull(runs.gatheringKey),
        ),
      )
      .orderBy(asc(runs.updatedAtMs))
      .limit(most);
  const shares = await of("shares", limit);
  return shares.length >= limit ? shares : [...shares, ...(await of("runs", limit - shares.length))];
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
  const overdue = (waits: SQL | undefined, first: typeof runs.queuedAtMs | typeof runs.notBeforeMs, most: number) =>
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
  // Those of a paused app are called when it goes on, and until then would only be turned away again.
  const mayBeCalled = and(
    isNotNull(runs.waitingApp),
    notExists(
      db
        .select({ app: appStates.app })
        .from(appStates)
        .where(and(eq(appStates.app, runs.waitingApp), eq(appStates.state, "paused"))),
    ),
  );
  const inQueue = await overdue(isNull(runs.waitingApp), runs.queuedAtMs, limit);
  if (inQueue.length >= limit) return inQueue;
  return [...inQueue, ...(await overdue(mayBeCalled, runs.notBeforeMs, limit - inQueue.length))];
}

/** Claims a run for a new hand-over. Only one of several sweeps wins. */
export async function renewRunGeneration(db: Db, id: string, generation: number): Promise<boolean> {
  const won = await db
    .update(runs)
    .set({ generation: generation + 1, queuedAtMs: null })
    .where(and(isFree(eq(runs.id, id)), eq(runs.generation, generation), isNotNull(runs.queue)))
    .returning({ id: runs.id });
  return won.length > 0;
}
