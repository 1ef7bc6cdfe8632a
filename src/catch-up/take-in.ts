import type { Clock } from "../clock.ts";
import type { EventSource, FastioEvent } from "../fastio/events/event.ts";
import { eventKey } from "../fastio/events/event-keys.ts";
import { normaliseEvent } from "../fastio/events/normalise-event.ts";
import type { EventRow } from "../fastio/types.ts";
import type { Accept } from "../ledger/accept.ts";
import { readForgotten } from "../ledger/forgotten-until.ts";
import { markPulled } from "../ledger/gap-report.ts";
import type { Db } from "../ledger/open-ledger.ts";
import type { Log } from "../telemetry/log.ts";

/** How many events of use there were, and how many of them the ledger had not heard of. */
export type Intaken = { readonly found: number; readonly fresh: number };

export const NOTHING: Intaken = { found: 0, fresh: 0 };
/** What two readings brought together. */
export const addUp = (a: Intaken, b: Intaken): Intaken => ({ found: a.found + b.found, fresh: a.fresh + b.fresh });

export type TakeInDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly accept: Accept;
  /** Event types that some rule listens to; the rest is of no use, and much of it is the relay's own work. */
  readonly wantedTypes: () => ReadonlySet<string>;
};

/**
 * Reads rows of a feed or a search as events. A row that is none is passed over, so that one odd row stops nothing.
 */
export function readRows(
  rows: readonly EventRow[],
  source: EventSource,
  { clock, log }: Pick<TakeInDeps, "clock" | "log">,
): readonly FastioEvent[] {
  const receivedAtMs = clock.now();
  const events: FastioEvent[] = [];
  for (const row of rows) {
    const reading = normaliseEvent(row, { receivedAtMs, source });
    if (reading.kind === "event") events.push(reading.event);
    else if (reading.kind === "malformed") log.warn("catch_up.row_unreadable", { source, reason: reading.reason });
  }
  return events;
}

/**
 * Leaves out what the ledger may have known and forgotten. A feed or a search that was closed for long, or broke off,
 * begins there, and each such file would get a second run.
 */
export async function withoutForgotten(
  events: readonly FastioEvent[],
  { db, log }: Pick<TakeInDeps, "db" | "log">,
): Promise<readonly FastioEvent[]> {
  if (events.length === 0) return events;
  const isForgotten = await readForgotten(db);
  const left = events.filter((event) => !isForgotten(event));
  if (left.length < events.length) log.debug("catch_up.forgotten", { events: events.length - left.length });
  return left;
}

/**
 * Brings events found by asking to where webhooks bring theirs. Resolves after the commit.
 * @throws {TransientError} `ledger_unavailable`: read the same rows again later
 */
export type TakeIn = (events: readonly FastioEvent[]) => Promise<Intaken>;

export const createTakeIn =
  ({ db, clock, accept, wantedTypes }: TakeInDeps): TakeIn =>
  async (events) => {
    const types = wantedTypes();
    const keyed = new Map(
      events.filter(({ type }) => types.has(type)).map((event) => [eventKey(event), event] as const),
    );
    // One intake each: the verdict tells which were new, and one the database refuses does not cost the others.
    const verdicts = await Promise.all(
      [...keyed].map(([key, event]) => accept({ kind: "pulled", events: [{ key, event }] })),
    );
    await markPulled(db, [...keyed.keys()], clock.now());
    return { found: keyed.size, fresh: verdicts.filter((verdict) => verdict === "accepted").length };
  };
