import { and, desc, eq, gte, max, min, type SQL, sql } from "drizzle-orm";
import type { Clock } from "../clock.ts";
import { gramsOf } from "./fold-name.ts";
import type { Db } from "./open-ledger.ts";
import { rowsOf } from "./rows-of.ts";
import { below, besideConditions, isIndexed, type RunFilter, type RunPlace, rowConditions } from "./run-filter.ts";
import { changedAfter, namedBy } from "./run-handles.ts";
import { runNames, runPeople, runs } from "./schema.ts";

export type SearchDeps = { readonly db: Db; readonly clock: Pick<Clock, "now"> };

/** Brings runs that may match, newest first, a batch at a time. */
export type Driver = {
  /** What is still to be asked about the runs it brings; undefined: nothing. */
  readonly left: SQL | undefined;
  /** The next ones, at most so many. */
  next(most: number): Promise<readonly RunPlace[]>;
  /** Whether there are no more. */
  isOver(): boolean;
  /** All that is newer has been brought; null before the first batch. */
  place(): RunPlace | null;
};

const HOUR_MS = 3_600_000;
/** A search reads back from the newest run in spans of time: the first is this long, and each several times the last. */
const FIRST_SPAN_MS = 6 * HOUR_MS;
/** As long as the last one took less than this, the next may be so many times as long. */
const SPAN_GROWTH: readonly { readonly belowMs: number; readonly times: number }[] = [
  { belowMs: 10, times: 4 },
  { belowMs: 30, times: 2 },
  { belowMs: Number.POSITIVE_INFINITY, times: 1 },
];
/** Names that the newest spans hold often enough are found there; for all others the index is asked. */
const SPANS_BEFORE_INDEX = 2;
/** More grams tell hardly more. */
const MOST_GRAMS = 12;

/** What is below a place and not older than a moment, newest first. */
type Bring = (place: RunPlace, fromMs: number, most: number) => Promise<readonly RunPlace[]>;

/** The way that finds runs of a filter soonest. @param after only what is below this place */
export async function driverFor(
  { db, clock }: SearchDeps,
  filter: RunFilter,
  after: RunPlace | undefined,
): Promise<Driver> {
  const { name, person, ids, urls, updatedAfterMs, sinceMs = 0 } = filter;
  const range = { start: startOf(filter, after), endMs: sinceMs };
  const row = rowConditions(filter);
  if (ids !== undefined || urls !== undefined || updatedAfterMs !== undefined) {
    const where = and(row, besideConditions({ name, person }), await namedBy(db, filter), changedAfter(db, filter));
    return throughIndex(undefined, range, listed(db, where));
  }
  if (person !== undefined) return throughIndex(and(row, besideConditions({ name })), range, ofPerson(db, person));
  if (name === undefined) {
    return row === undefined
      ? throughIndex(undefined, range, listed(db, undefined))
      : inSpans(clock, undefined, range, await boundsOf(db, runs), listed(db, row));
  }
  const spans = inSpans(clock, row, range, await boundsOf(db, runNames), named(db, name));
  return isIndexed(name) ? orIndex(spans, range, namedByGrams(db, name)) : spans;
}

/** Above all that there is. */
const TOP: RunPlace = { createdAtMs: Number.MAX_SAFE_INTEGER, id: "" };

/** Below the start, and not older than the end. */
type Range = { readonly start: RunPlace; readonly endMs: number };

function startOf({ untilMs }: RunFilter, after: RunPlace | undefined): RunPlace {
  const start = after ?? TOP;
  return untilMs !== undefined && untilMs <= start.createdAtMs ? { createdAtMs: untilMs, id: "" } : start;
}

type Bounds = { readonly oldestMs: number; readonly newestMs: number };

async function boundsOf(db: Db, table: typeof runs | typeof runNames): Promise<Bounds | undefined> {
  const [found] = await db.select({ oldest: min(table.createdAtMs), newest: max(table.createdAtMs) }).from(table);
  return found?.oldest == null || found.newest == null
    ? undefined
    : { oldestMs: Number(found.oldest), newestMs: Number(found.newest) };
}

/** Span by span into the past, so that no question takes long however little of it matches. */
function inSpans(
  clock: SearchDeps["clock"],
  left: SQL | undefined,
  { start, endMs }: Range,
  bounds: Bounds | undefined,
  bring: Bring,
): Driver {
  const { oldestMs, newestMs } = bounds ?? { oldestMs: 0, newestMs: 0 };
  const lastMs = Math.max(oldestMs, endMs);
  let place: RunPlace | null = null;
  let spanMs = FIRST_SPAN_MS;
  let over = bounds === undefined;
  return {
    left,
    isOver: () => over,
    place: () => place,
    next: async (most) => {
      const from = place ?? start;
      const fromMs = Math.max(lastMs, Math.min(from.createdAtMs, newestMs + 1) - spanMs);
      const beganMs = clock.now();
      const brought = await bring(from, fromMs, most);
      const tookMs = clock.now() - beganMs;
      spanMs *= SPAN_GROWTH.find(({ belowMs }) => tookMs < belowMs)?.times ?? 1;
      const isCut = brought.length === most;
      place = (isCut ? brought.at(-1) : undefined) ?? { createdAtMs: fromMs, id: "" };
      over = !isCut && fromMs <= lastMs;
      return brought;
    },
  };
}

/** Straight from an index that has them in order, or has few. */
function throughIndex(left: SQL | undefined, { start, endMs }: Range, bring: Bring): Driver {
  let place: RunPlace | null = null;
  let over = false;
  return {
    left,
    isOver: () => over,
    place: () => place,
    next: async (most) => {
      const brought = await bring(place ?? start, endMs, most);
      over = brought.length < most;
      place = brought.at(-1) ?? place;
      return brought;
    },
  };
}

/** First some spans; what is older comes from the index. */
function orIndex(spans: Driver, { endMs }: Range, bring: Bring): Driver {
  let asked = 0;
  let driver = spans;
  return {
    left: spans.left,
    isOver: () => driver.isOver(),
    place: () => driver.place(),
    next: (most) => {
      const start = driver.place();
      if (asked === SPANS_BEFORE_INDEX && start) driver = throughIndex(spans.left, { start, endMs }, bring);
      asked += 1;
      return driver.next(most);
    },
  };
}

const listed =
  (db: Db, where: SQL | undefined): Bring =>
  (place, fromMs, most) =>
    db
      .select({ createdAtMs: runs.createdAtMs, id: runs.id })
      .from(runs)
      .where(and(where, gte(runs.createdAtMs, fromMs), below(place, runs)))
      .orderBy(desc(runs.createdAtMs), desc(runs.id))
      .limit(most);

const ofPerson =
  (db: Db, person: string): Bring =>
  (place, fromMs, most) =>
    db
      .select({ createdAtMs: runPeople.createdAtMs, id: runPeople.runId })
      .from(runPeople)
      .where(and(eq(runPeople.person, person), gte(runPeople.createdAtMs, fromMs), below(place, runPeople)))
      .orderBy(desc(runPeople.createdAtMs), desc(runPeople.runId))
      .limit(most);

/** Looks at the names themselves. */
const named =
  (db: Db, name: string): Bring =>
  (place, fromMs, most) =>
    db
      .selectDistinct({ createdAtMs: runNames.createdAtMs, id: runNames.runId })
      .from(runNames)
      .where(and(sql`strpos(${runNames.name}, ${name}) > 0`, gte(runNames.createdAtMs, fromMs), below(place, runNames)))
      .orderBy(desc(runNames.createdAtMs), desc(runNames.runId))
      .limit(most);

/** Looks at the names that hold the grams. `offset 0`: nothing but the grams is to choose the index. */
const namedByGrams = (db: Db, name: string): Bring => {
  const all = gramsOf(name);
  const step = Math.max(1, all.length / MOST_GRAMS);
  const some = Array.from({ length: Math.min(all.length, MOST_GRAMS) }, (_, at) => all[Math.floor(at * step)]);
  const grams = `{${some.join(",")}}`;
  return async (place, fromMs, most) => {
    const answer: unknown = await db.execute(sql`
      select distinct created_at_ms, run_id from (
        select created_at_ms, run_id, name from relay.run_names where grams @> ${grams}::int[] offset 0
      ) as hits
      where strpos(name, ${name}) > 0 and created_at_ms >= ${fromMs}
        and (created_at_ms, run_id) < (${place.createdAtMs}::bigint, ${place.id}::text)
      order by created_at_ms desc, run_id desc limit ${most}`);
    return rowsOf(answer).map((row) => ({ createdAtMs: Number(row["created_at_ms"]), id: String(row["run_id"]) }));
  };
};
