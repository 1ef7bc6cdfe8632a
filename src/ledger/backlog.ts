import { and, eq, isNotNull, isNull, lte, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { appLimits, appSlots, events, runs } from "./schema.ts";

/** Work that waits for something: how much, and since when. */
export type Backlog = {
  readonly depth: number;
  /** Milliseconds since the epoch; null when there is none. */
  readonly oldestMs: number | null;
};

/** What was committed and waits to be handed to its queue. */
export type Outstanding = {
  readonly events: Backlog;
  readonly runs: Backlog;
  /** Events that wait to be routed, whether their queue has them or not. */
  readonly unrouted: Backlog;
};

const backlog = (atMs: ReturnType<typeof sql>) => ({
  depth: sql<number>`count(*)::int`,
  oldestMs: sql`min(${atMs})`.mapWith((value: unknown) => (value === null ? null : Number(value))),
});

/** Reads through indexes that hold unfinished work alone. */
export async function readOutstanding(db: Db, nowMs: number): Promise<Outstanding> {
  const isUnrouted = eq(events.status, "accepted");
  const [[ofEvents], [ofRuns], [unrouted]] = await Promise.all([
    db
      .select(backlog(sql`${events.receivedAtMs}`))
      .from(events)
      .where(and(isUnrouted, isNull(events.queuedAtMs))),
    db
      .select(backlog(sql`greatest(${runs.updatedAtMs}, ${runs.dueAtMs})`))
      .from(runs)
      .where(and(isNotNull(runs.queue), isNull(runs.queuedAtMs), lte(runs.dueAtMs, nowMs), isNull(runs.gatheringKey))),
    db
      .select(backlog(sql`${events.receivedAtMs}`))
      .from(events)
      .where(isUnrouted),
  ]);
  const none = { depth: 0, oldestMs: null };
  return { events: ofEvents ?? none, runs: ofRuns ?? none, unrouted: unrouted ?? none };
}

export type AppLoad = { readonly app: string; readonly slots: number; readonly used: number };

/** Limits of the Dify apps that were asked for something lately, and how much of each is taken. @param most apps */
export async function readAppLoads(db: Db, nowMs: number, most: number): Promise<readonly AppLoad[]> {
  return db
    .select({
      app: appLimits.app,
      slots: appLimits.slots,
      used: sql<number>`(select count(*)::int from ${appSlots} where ${appSlots.app} = ${appLimits.app} and ${appSlots.untilMs} > ${nowMs})`,
    })
    .from(appLimits)
    .orderBy(sql`${appLimits.quietSinceMs} desc`)
    .limit(most);
}
