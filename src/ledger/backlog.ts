import { and, isNotNull, isNull, lte, sql } from "drizzle-orm";
import { isAccepted } from "./event-queries.ts";
import type { Db } from "./open-ledger.ts";
import { events, runs } from "./schema.ts";

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
};

const backlog = (atMs: ReturnType<typeof sql>) => ({
  depth: sql<number>`count(*)::int`,
  oldestMs: sql`min(${atMs})`.mapWith((value: unknown) => (value === null ? null : Number(value))),
});

export const NO_BACKLOG: Backlog = { depth: 0, oldestMs: null };
export const NOTHING_OUTSTANDING: Outstanding = { events: NO_BACKLOG, runs: NO_BACKLOG };

/** Events that were committed and wait to be handed to their queue. */
export async function readEventOutbox(db: Db): Promise<Backlog> {
  const [found] = await db
    .select(backlog(sql`${events.receivedAtMs}`))
    .from(events)
    .where(and(isAccepted, isNull(events.queuedAtMs)));
  return found ?? NO_BACKLOG;
}

/** Reads through indexes that hold unfinished work alone. */
export async function readOutstanding(db: Db, nowMs: number): Promise<Outstanding> {
  const [ofEvents, [ofRuns]] = await Promise.all([
    readEventOutbox(db),
    db
      .select(backlog(sql`greatest(${runs.updatedAtMs}, ${runs.dueAtMs})`))
      .from(runs)
      .where(and(isNotNull(runs.queue), isNull(runs.queuedAtMs), lte(runs.dueAtMs, nowMs), isNull(runs.gatheringKey))),
  ]);
  return { events: ofEvents, runs: ofRuns ?? NO_BACKLOG };
}
