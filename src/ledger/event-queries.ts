import { and, asc, eq, inArray, isNotNull, isNull, lt, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type EventRow, type EventStatus, earlierOutputs, events, outputs, runs } from "./schema.ts";

export async function findEvent(db: Db, key: string): Promise<EventRow | undefined> {
  const [row] = await db.select().from(events).where(eq(events.key, key));
  return row;
}

/** Marks events as handed to the queue. */
export async function markEventsQueued(db: Db, keys: readonly string[], nowMs: number): Promise<void> {
  await db
    .update(events)
    .set({ queuedAtMs: nowMs })
    .where(inArray(events.key, [...keys]));
}

/** Events that wait for the queue: committed, never handed over. Oldest first. */
export function listUnqueuedEvents(db: Db, receivedBeforeMs: number, limit: number) {
  return db
    .select({ key: events.key, generation: events.generation })
    .from(events)
    .where(and(eq(events.status, "accepted"), isNull(events.queuedAtMs), lt(events.receivedAtMs, receivedBeforeMs)))
    .orderBy(asc(events.receivedAtMs))
    .limit(limit);
}

/** Events handed over long enough ago that the queue should have brought them back by now. */
export function listOverdueEvents(db: Db, queuedBeforeMs: number, limit: number) {
  return db
    .select({ key: events.key, generation: events.generation, queuedAtMs: events.queuedAtMs })
    .from(events)
    .where(and(eq(events.status, "accepted"), isNotNull(events.queuedAtMs), lt(events.queuedAtMs, queuedBeforeMs)))
    .orderBy(asc(events.queuedAtMs))
    .limit(limit);
}

/**
 * Claims an event for a new hand-over. Only one of several sweeps wins.
 * @returns whether this caller won
 */
export async function renewEventGeneration(db: Db, key: string, generation: number): Promise<boolean> {
  const won = await db
    .update(events)
    .set({ generation: generation + 1, queuedAtMs: null })
    .where(and(eq(events.key, key), eq(events.generation, generation), eq(events.status, "accepted")))
    .returning({ key: events.key });
  return won.length > 0;
}

/** Puts off the sweep's interest in events that the queue still knows. */
export async function closeEvent(
  db: Db,
  key: string,
  end: { readonly status: Exclude<EventStatus, "accepted">; readonly reasons: Readonly<Record<string, string>> },
  nowMs: number,
): Promise<void> {
  await db
    .update(events)
    .set({ status: end.status, reasons: end.reasons, routedAtMs: nowMs })
    .where(and(eq(events.key, key), eq(events.status, "accepted")));
}

/** Counts a burnt attempt at routing. @returns how many there are now */
export async function countEventFailure(db: Db, key: string): Promise<number> {
  const [row] = await db
    .update(events)
    .set({ failures: sql`${events.failures} + 1` })
    .where(eq(events.key, key))
    .returning({ failures: events.failures });
  return row?.failures ?? 0;
}

/** Whether a node is an output the relay placed, or stands in a folder it made for one. */
export async function isOwnOutput(db: Db, nodeId: string, ancestorIds: readonly string[]): Promise<boolean> {
  const [placed] = await db.select({ runId: outputs.runId }).from(outputs).where(eq(outputs.nodeId, nodeId)).limit(1);
  if (placed) return true;
  const [before] = await db
    .select({ runId: earlierOutputs.runId })
    .from(earlierOutputs)
    .where(eq(earlierOutputs.nodeId, nodeId))
    .limit(1);
  if (before) return true;
  if (ancestorIds.length === 0) return false;
  const [inside] = await db
    .select({ id: runs.id })
    .from(runs)
    .where(inArray(runs.folderNodeId, [...ancestorIds]))
    .limit(1);
  return inside !== undefined;
}
