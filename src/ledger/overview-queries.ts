import { and, asc, desc, eq, gt, gte, isNull, sql } from "drizzle-orm";
import { isAccepted } from "./event-queries.ts";
import type { Db } from "./open-ledger.ts";
import { appLimits, appSlots, events, type RunRow, type RunStatus, runs } from "./schema.ts";

const count = sql<number>`count(*)::int`;

/** Runs of one rule and app that stand in the same place. Times are milliseconds since the epoch. */
export type OpenRuns = {
  readonly ruleName: string;
  /** null for runs from before apps were written down. */
  readonly app: string | null;
  readonly status: RunStatus;
  readonly count: number;
  readonly oldestMs: number;
};

/** How many runs that have not ended stand where, since when. */
export function countOpenRuns(db: Db): Promise<readonly OpenRuns[]> {
  return db
    .select({
      ruleName: runs.ruleName,
      app: runs.app,
      status: runs.status,
      count,
      oldestMs: sql`min(${runs.createdAtMs})`.mapWith(Number),
    })
    .from(runs)
    .where(isNull(runs.finishedAtMs))
    .groupBy(runs.status, runs.ruleName, runs.app);
}

/** Runs of one rule and app that ended alike. */
export type EndedRuns = {
  readonly ruleName: string;
  readonly app: string | null;
  readonly status: RunStatus;
  readonly isRecent: boolean;
  readonly count: number;
  /** From the making of each run to its end, in sum, in milliseconds. */
  readonly tookMs: number;
  /** How many of them Dify told the time of, and how long their workflows took in sum, in milliseconds. */
  readonly timed: number;
  readonly workMs: number;
};

/** How runs ended since a moment; `isRecent` are those since a later one. */
export function countEndedRuns(db: Db, sinceMs: number, recentMs: number): Promise<readonly EndedRuns[]> {
  // In the text of the statement, so that it is the same expression wherever it stands.
  const isRecent = sql<boolean>`${runs.finishedAtMs} >= ${sql.raw(String(Math.round(recentMs)))}`;
  return db
    .select({
      ruleName: runs.ruleName,
      app: runs.app,
      status: runs.status,
      isRecent,
      count,
      tookMs: sql`coalesce(sum(${runs.finishedAtMs} - ${runs.createdAtMs}), 0)`.mapWith(Number),
      timed: sql<number>`count(${runs.elapsedMs})::int`,
      workMs: sql`coalesce(sum(${runs.elapsedMs}), 0)`.mapWith(Number),
    })
    .from(runs)
    .where(hasEndedSince(sinceMs))
    .groupBy(runs.ruleName, runs.app, runs.status, isRecent);
}

const hasEndedSince = (sinceMs: number) => and(isNull(runs.queue), gte(runs.finishedAtMs, sinceMs));

/** Runs that are held for one reason. */
export type HeldRuns = {
  readonly ruleName: string;
  /** A stable word for why, such as `flood_held`; see `errorCode` of a run. */
  readonly code: string | null;
  readonly count: number;
  readonly oldestMs: number;
  /** What one of them says of it. */
  readonly reason: string | null;
  readonly nextAction: string | null;
};

export function countHeldRuns(db: Db): Promise<readonly HeldRuns[]> {
  return db
    .select({
      ruleName: runs.ruleName,
      code: runs.errorCode,
      count,
      oldestMs: sql`min(${runs.createdAtMs})`.mapWith(Number),
      reason: sql<string | null>`max(${runs.errorMessage})`,
      nextAction: sql<string | null>`max(${runs.nextAction})`,
    })
    .from(runs)
    .where(sql`${runs.status} = 'held'`) // word for word as in the index
    .groupBy(runs.ruleName, runs.errorCode)
    .orderBy(runs.ruleName, runs.errorCode);
}

/** Runs that wait for a person: with a form, or laid aside. The longest waiting first. */
export function listPausedRuns(db: Db, limit: number): Promise<RunRow[]> {
  return db
    .select()
    .from(runs)
    .where(and(isNull(runs.finishedAtMs), eq(runs.status, "paused")))
    .orderBy(asc(runs.createdAtMs))
    .limit(limit);
}

/** Runs that failed since a moment, the latest first. */
export function listFailedRuns(db: Db, sinceMs: number, limit: number): Promise<RunRow[]> {
  return db
    .select()
    .from(runs)
    .where(and(hasEndedSince(sinceMs), eq(runs.status, "failed")))
    .orderBy(desc(runs.finishedAtMs))
    .limit(limit);
}

/** Events that no rule has looked at yet. */
export async function readBacklog(db: Db): Promise<{ readonly count: number; readonly oldestMs: number | null }> {
  const [row] = await db
    .select({ count, oldestMs: sql<string | null>`min(${events.receivedAtMs})` })
    .from(events)
    .where(isAccepted);
  return { count: row?.count ?? 0, oldestMs: row?.oldestMs == null ? null : Number(row.oldestMs) };
}

/** What a Dify app is given at this time. */
export type AppNow = {
  readonly app: string;
  readonly slots: number;
  /** Slots that are taken. */
  readonly atWork: number;
  /** It is given a rest until then, because it refused; null: it is not. */
  readonly restUntilMs: number | null;
};

export async function listAppsNow(db: Db, nowMs: number): Promise<readonly AppNow[]> {
  const held = db
    .select({ app: appSlots.app, taken: count.as("taken") })
    .from(appSlots)
    .where(gt(appSlots.untilMs, nowMs))
    .groupBy(appSlots.app)
    .as("held");
  const rows = await db
    .select({ app: appLimits.app, slots: appLimits.slots, restUntilMs: appLimits.restUntilMs, atWork: held.taken })
    .from(appLimits)
    .leftJoin(held, eq(held.app, appLimits.app))
    .orderBy(appLimits.app);
  return rows.map(({ app, slots, restUntilMs, atWork }) => ({
    app,
    slots,
    atWork: atWork ?? 0,
    restUntilMs: restUntilMs > nowMs ? restUntilMs : null,
  }));
}
