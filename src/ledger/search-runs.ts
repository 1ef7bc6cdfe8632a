import { and, type SQL } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { isAmong, type RunFilter, type RunPlace } from "./run-filter.ts";
import { type RunRow, runs } from "./schema.ts";
import { type Driver, driverFor, type SearchDeps } from "./search-drivers.ts";

/** More than this is not counted. */
const MOST_COUNTED = 1_000;
/** So long a search may look for rows of its page; what is older is another search. */
const PAGE_MS = 150;
/** So long it may go on when the page is full, only to tell how many there are. */
const COUNT_MS = 60;
/** Runs that an index brings, and that are then looked at one by one. */
const NARROWED_AT_ONCE = 2_000;

export type FoundRuns = {
  /** Newest first. */
  readonly rows: readonly RunRow[];
  /** Where the next page begins; null when there is nothing older. */
  readonly next: RunPlace | null;
  /** How many there are, told for the first page; `isExact`: no more than these. */
  readonly count: { readonly atLeast: number; readonly isExact: boolean } | null;
  /** Set when time was up before the page was full: all runs made since are looked through, older ones are not. */
  readonly searchedToMs: number | null;
};

/**
 * Finds runs, newest first, within bounded time however many there are.
 * @param after the last run of the page before, or how far that search came
 */
export async function searchRuns(
  { db, clock }: SearchDeps,
  filter: RunFilter,
  { after, limit }: { readonly after?: RunPlace | undefined; readonly limit: number },
): Promise<FoundRuns> {
  const startedMs = clock.now();
  const wanted = after ? limit + 1 : Math.max(MOST_COUNTED, limit) + 1;
  const driver = await driverFor({ db, clock }, filter, after);
  const found: RunPlace[] = [];
  // One look at least: who asks again is to get on, however slow the ledger is.
  for (let isLate = false; !isLate && found.length < wanted && !driver.isOver(); ) {
    found.push(...(await nextMatches(db, driver, wanted - found.length)));
    isLate = clock.now() - startedMs > (found.length > limit ? COUNT_MS : PAGE_MS);
  }
  const shown = found.slice(0, limit);
  const rows = await readRows(db, shown);
  const isWhole = driver.isOver() && found.length < wanted;
  const isCut = found.length <= limit && !driver.isOver();
  const next = found.length > limit ? (shown.at(-1) ?? null) : isCut ? driver.place() : null;
  return {
    rows,
    next,
    count: after ? null : { atLeast: Math.min(found.length, wanted - 1), isExact: isWhole },
    searchedToMs: isCut ? (next?.createdAtMs ?? null) : null,
  };
}

async function nextMatches(db: Db, driver: Driver, most: number): Promise<readonly RunPlace[]> {
  if (driver.left === undefined) return driver.next(most);
  return (await narrow(db, await driver.next(NARROWED_AT_ONCE), driver.left)).slice(0, most);
}

/** Which of these runs match. */
async function narrow(db: Db, places: readonly RunPlace[], condition: SQL): Promise<readonly RunPlace[]> {
  if (places.length === 0) return places;
  const ids = places.map(({ id }) => id);
  const rows = await db
    .select({ id: runs.id })
    .from(runs)
    .where(and(isAmong(ids), condition));
  const matching = new Set(rows.map(({ id }) => id));
  return places.filter(({ id }) => matching.has(id));
}

async function readRows(db: Db, places: readonly RunPlace[]): Promise<readonly RunRow[]> {
  if (places.length === 0) return [];
  const ids = places.map(({ id }) => id);
  const rows = new Map((await db.select().from(runs).where(isAmong(ids))).map((row) => [row.id, row]));
  return ids.flatMap((id) => rows.get(id) ?? []);
}
