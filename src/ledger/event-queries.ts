import { and, asc, eq, inArray, isNotNull, isNull, lt, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { type EventRow, type EventStatus, events } from "./schema.ts";

/** Reasons why no rule was asked at all, and what an event waits for, stand under this name. */
export const EVERY_RULE = "*";

/** Nobody has routed it. Word for word as in the indexes: a parameter would not tell that they know it all. */
export const isAccepted = sql`${events.status} = 'accepted'`;

const ofKey = builtOnce((db) =>
  db
    .select()
    .from(events)
    .where(eq(events.key, sql.placeholder("key")))
    .prepare(UNNAMED),
);

export async function findEvent(db: Db, key: string): Promise<EventRow | undefined> {
  const [row] = await ofKey(db).execute({ key });
  return row;
}

/** Marks events as handed to the queue; null: as not handed over after all. */
export async function markEventsQueued(db: Db, keys: readonly string[], nowMs: number | null): Promise<void> {
  if (keys.length === 0) return;
  await db
    .update(events)
    .set({ queuedAtMs: nowMs })
    .where(and(inArray(events.key, [...keys]), nowMs === null ? eq(events.status, "accepted") : undefined));
}

/** What the queue is told of an event. */
const queuedEvent = {
  key: events.key,
  generation: events.generation,
  type: events.type,
  workspaceId: events.workspaceId,
  actorUserId: events.actorUserId,
};

/** Events that wait for the queue: committed, never handed over. Oldest first. */
export function listUnqueuedEvents(db: Db, receivedBeforeMs: number, limit: number) {
  return db
    .select(queuedEvent)
    .from(events)
    .where(and(isAccepted, isNull(events.queuedAtMs), lt(events.receivedAtMs, receivedBeforeMs)))
    .orderBy(asc(events.receivedAtMs))
    .limit(limit);
}

/** Events handed over long enough ago that the queue should have brought them back by now. */
export function listOverdueEvents(db: Db, queuedBeforeMs: number, limit: number) {
  return db
    .select({ ...queuedEvent, queuedAtMs: events.queuedAtMs })
    .from(events)
    .where(and(isAccepted, isNotNull(events.queuedAtMs), lt(events.queuedAtMs, queuedBeforeMs)))
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

/** The file of an event, as it was found. */
export type EventFile = {
  readonly name: string;
  /** Left out where nobody had to look for it. */
  readonly folderPath?: string;
  readonly workspaceId: string;
};

/** How the routing of an event ends. */
export type EventEnd = {
  readonly status: Exclude<EventStatus, "accepted">;
  /** By rule, or under {@link EVERY_RULE}. */
  readonly reasons: Readonly<Record<string, string>>;
  /** undefined when nobody looked for it, or it was gone. */
  readonly file?: EventFile | undefined;
};

/** What is written of the file. An event of a share need not tell whose share it is. */
const fileColumns = (file: EventFile | undefined) =>
  file && { fileName: file.name, folderPath: file.folderPath, workspaceId: file.workspaceId };

/** Ends an event, unless somebody else has ended it. */
export async function closeEvent(db: Db, key: string, end: EventEnd, nowMs: number): Promise<void> {
  await db
    .update(events)
    .set({ status: end.status, reasons: end.reasons, routedAtMs: nowMs, ...fileColumns(end.file) })
    .where(and(eq(events.key, key), eq(events.status, "accepted")));
}

/** Tells what an event waits for that cannot be routed yet. */
export async function noteEventWaits(
  db: Db,
  key: string,
  reasons: EventEnd["reasons"],
  file: EventFile,
): Promise<void> {
  await db
    .update(events)
    .set({ reasons, ...fileColumns(file) })
    .where(and(eq(events.key, key), eq(events.status, "accepted")));
}

/** Counts a burnt attempt at routing. */
export async function countEventFailure(db: Db, key: string): Promise<void> {
  await db
    .update(events)
    .set({ failures: sql`${events.failures} + 1` })
    .where(eq(events.key, key));
}
