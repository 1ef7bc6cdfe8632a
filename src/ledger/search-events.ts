import { desc, eq, inArray, or, sql } from "drizzle-orm";
import { normaliseOpaqueId } from "../fastio/opaque-id.ts";
import type { Db } from "./open-ledger.ts";
import { type EventRow, events, type RunRow, runFiles, runs } from "./schema.ts";

/**
 * Events about a file, the newest first.
 * @param about an event's key, a node id however it is spelled, or a file's whole name in any case; undefined: all events
 */
export function searchEvents(db: Db, about: string | undefined, limit: number): Promise<EventRow[]> {
  return db
    .select()
    .from(events)
    .where(about === undefined ? undefined : isAbout(about))
    .orderBy(desc(events.receivedAtMs), desc(events.key))
    .limit(limit);
}

function isAbout(about: string) {
  const bare = normaliseOpaqueId(about);
  // Senders spell ids with hyphens and without; the ledger keeps what they wrote.
  const spellings = new Set([about, bare, bare.replaceAll(/.{5}(?=.)/g, "$&-")]);
  return or(
    eq(events.key, about),
    inArray(events.objectId, [...spellings]),
    eq(sql`lower(${events.fileName})`, about.toLowerCase()),
  );
}

/** Runs that were made of an event's file, alone or in a batch. */
export function listRunsOfEvent(db: Db, eventKey: string): Promise<RunRow[]> {
  const batches = db.select({ id: runFiles.runId }).from(runFiles).where(eq(runFiles.eventKey, eventKey));
  return db
    .select()
    .from(runs)
    .where(or(eq(runs.eventKey, eventKey), inArray(runs.id, batches)))
    .orderBy(runs.ruleName);
}
