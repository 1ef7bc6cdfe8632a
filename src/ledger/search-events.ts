import { and, desc, eq, inArray, or, type SQL, sql } from "drizzle-orm";
import { union } from "drizzle-orm/pg-core";
import { normaliseOpaqueId } from "../fastio/opaque-id.ts";
import { EVERY_RULE } from "./event-queries.ts";
import { among } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { type EventRow, events, type RunRow, runFiles, runs } from "./schema.ts";
import { OWN_DEED, OWN_OUTPUT, OWN_RECEIPT, UNHEARD } from "./settle-unlistened.ts";

const OWN_DOINGS = [OWN_OUTPUT, OWN_DEED, OWN_RECEIPT];

/**
 * Of so many events at a time those are picked that rules were asked about. It could be none of a million; and after a
 * burst of files it is none of thousands, since what is done with them comes later.
 */
export const PICKED_FROM = 20_000;

/** Where an event stands in the list of all. */
export type EventPlace = Pick<EventRow, "receivedAtMs" | "key">;

export type FoundEvents = {
  /** Newest first. */
  readonly rows: readonly EventRow[];
  /** Where the next page begins; null when there is nothing older. */
  readonly next: EventPlace | null;
  /** Set when enough were looked through before the page was full: older ones are not looked through yet. */
  readonly searchedToMs: number | null;
};

type Page = { readonly after?: EventPlace | undefined; readonly limit: number };

/**
 * Events about a file, the newest first.
 * @param about an event's key, a node id however it is spelled, or a file's whole name in any case; undefined: all events
 */
export async function searchEvents(db: Db, about: string | undefined, { after, limit }: Page): Promise<FoundEvents> {
  const isMeant = and(about === undefined ? undefined : isAbout(about), isOlder(after));
  const found = await newest(db, isMeant, limit + 1);
  return fullPage(found, limit) ?? { rows: found, next: null, searchedToMs: null };
}

/** The newest events that rules were asked about, or are to be: not what none listens to, nor what the relay did itself. */
export async function listAskedEvents(
  db: Db,
  { after, limit }: Page,
  pickedFrom: number = PICKED_FROM,
): Promise<FoundEvents> {
  const recent = newest(db, isOlder(after), pickedFrom).as("recent");
  const why = sql`coalesce(${recent.reasons} ->> ${EVERY_RULE}, '')`;
  const found = await db
    .select()
    .from(recent)
    .where(sql`not (${recent.status} = 'ignored' and (${among(why, OWN_DOINGS)} or starts_with(${why}, ${UNHEARD})))`)
    .orderBy(desc(recent.receivedAtMs), desc(recent.key))
    .limit(limit + 1);
  const full = fullPage(found, limit);
  if (full) return full;
  const [last, older] = await db
    .select({ receivedAtMs: events.receivedAtMs, key: events.key })
    .from(events)
    .where(isOlder(after))
    .orderBy(desc(events.receivedAtMs), desc(events.key))
    .offset(pickedFrom - 1)
    .limit(2);
  if (last === undefined || older === undefined) return { rows: found, next: null, searchedToMs: null };
  // Events that came between the two statements push this place up: the next page tells nothing that this one did.
  const lowest = found.at(-1);
  const next = lowest !== undefined && lowest.receivedAtMs <= last.receivedAtMs ? lowest : last;
  return { rows: found, next, searchedToMs: next.receivedAtMs };
}

/** @param found one more than are shown, if there are so many */
function fullPage(found: readonly EventRow[], limit: number): FoundEvents | undefined {
  if (found.length <= limit) return undefined;
  const rows = found.slice(0, limit);
  return { rows, next: rows.at(-1) ?? null, searchedToMs: null };
}

const isOlder = (place: EventPlace | undefined): SQL | undefined =>
  place && sql`(${events.receivedAtMs}, ${events.key}) < (${place.receivedAtMs}::bigint, ${place.key}::text)`;

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

/** How many runs were made of each event's file, alone or in a batch; one of which there is none is left out. */
export async function countRunsOfEvents(db: Db, eventKeys: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  if (eventKeys.length === 0) return counts;
  const alone = db.select({ key: runs.eventKey, id: runs.id }).from(runs).where(inArray(runs.eventKey, eventKeys));
  const batched = db
    .select({ key: runFiles.eventKey, id: runFiles.runId })
    .from(runFiles)
    .where(inArray(runFiles.eventKey, eventKeys));
  for (const { key } of await union(alone, batched)) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}
