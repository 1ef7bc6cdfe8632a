import { desc, eq, inArray, or, type SQL, sql } from "drizzle-orm";
import { normaliseOpaqueId } from "../fastio/opaque-id.ts";
import { EVERY_RULE } from "./event-queries.ts";
import { among } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { type EventRow, events, type RunRow, runFiles, runs } from "./schema.ts";
import { OWN_DEED, OWN_OUTPUT, OWN_RECEIPT, UNHEARD } from "./settle-unlistened.ts";

const OWN_DOINGS = [OWN_OUTPUT, OWN_DEED, OWN_RECEIPT];

/**
 * Of so many events, the newest, those are picked that rules were asked about. It could be none of a million; and after a
 * burst of files it is none of thousands, since what is done with them comes later.
 */
export const PICKED_FROM = 20_000;

/**
 * Events about a file, the newest first.
 * @param about an event's key, a node id however it is spelled, or a file's whole name in any case; undefined: all events
 */
export function searchEvents(db: Db, about: string | undefined, limit: number): Promise<EventRow[]> {
  return newest(db, about === undefined ? undefined : isAbout(about), limit);
}

/** The newest events that rules were asked about, or are to be: not what none listens to, nor what the relay did itself. */
export async function listAskedEvents(db: Db, limit: number): Promise<EventRow[]> {
  const recent = newest(db, undefined, PICKED_FROM).as("recent");
  const why = sql`coalesce(${recent.reasons} ->> ${EVERY_RULE}, '')`;
  return db
    .select()
    .from(recent)
    .where(sql`not (${recent.status} = 'ignored' and (${among(why, OWN_DOINGS)} or starts_with(${why}, ${UNHEARD})))`)
    .orderBy(desc(recent.receivedAtMs), desc(recent.key))
    .limit(limit);
}

const newest = (db: Db, condition: SQL | undefined, limit: number) =>
  db.select().from(events).where(condition).orderBy(desc(events.receivedAtMs), desc(events.key)).limit(limit);

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
