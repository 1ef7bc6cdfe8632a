import type { Clock } from "../clock.ts";
import type { FastioEvent } from "../fastio/events/event.ts";
import type { Fastio } from "../fastio/types.ts";
import { listCursors, readCursor, writeCursor } from "../ledger/cursors.ts";
import type { Db } from "../ledger/open-ledger.ts";
import type { Findable } from "../ledger/retention.ts";
import { patiently } from "../patiently.ts";
import type { Log } from "../telemetry/log.ts";
import {
  advancePosition,
  beginPosition,
  isHistory,
  parsePosition,
  printPosition,
  probeSince,
  type SearchPosition,
  searchSince,
  type TimedRow,
} from "./search-position.ts";
import { addUp, type Intaken, NOTHING, readRows, type TakeIn, withoutForgotten } from "./take-in.ts";
import type { WatchedWorkspace } from "./watched-workspaces.ts";

export type ReadSearchDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly fastio: Pick<Fastio, "searchEvents">;
  readonly takeIn: TakeIn;
  /** How much of the past counts in a workspace that was never read, in milliseconds. */
  readonly lookBackMs: number;
};

/** A workspace, or a share with files of its own. */
type SearchScope = Pick<WatchedWorkspace, "id" | "shareOf">;

/** Pages looked at to find where to begin. */
const PROBE_PAGES = 4;

const POSITION = "search ";
const positionName = (scopeId: string): string => POSITION + scopeId;

/** When the last search of a workspace that came to its end began; undefined: never. */
export async function lastSearched(db: Db, workspaceId: string): Promise<number | undefined> {
  return (await readCursor(db, positionName(workspaceId)))?.updatedAtMs;
}

/** From when on the next search of each workspace or share finds events again; Fast.io goes by whole seconds. */
export async function listFindable(db: Db): Promise<readonly Findable[]> {
  const positions = await listCursors(db, POSITION);
  return positions.flatMap(({ name, value }) => {
    const position = parsePosition(value);
    if (position === undefined) return [];
    return { scopeId: name.slice(POSITION.length), sinceMs: Math.floor(searchSince(position) / 1_000) * 1_000 };
  });
}

/**
 * Searches a workspace's events from where the last search ended, with some overlap. A busy workspace has pages for many
 * minutes, and would hardly ever have them all if each fault on the way made the search begin anew.
 */
export async function readSearch(deps: ReadSearchDeps, scope: SearchScope, signal: AbortSignal): Promise<Intaken> {
  const { db, clock } = deps;
  const beganMs = clock.now();
  const stored = await readCursor(db, positionName(scope.id));
  let position = (stored && parsePosition(stored.value)) ?? (await begin(deps, scope, signal));
  let intaken = NOTHING;
  for await (const events of pagesOf(deps, scope, searchSince(position), signal)) {
    const present = events.filter((event) => !isHistory(position, timed(event)));
    const takeIn = async (): Promise<Intaken> => deps.takeIn(await withoutForgotten(present, deps));
    intaken = addUp(intaken, await patiently(takeIn, { clock, signal }));
    position = advancePosition(position, present.map(timed), clock.now());
  }
  // Only now: pages come newest first, and a read that broke off has seen the end and not what is before it.
  await writeCursor(db, positionName(scope.id), printPosition(position), beganMs);
  return intaken;
}

/** Searches from a moment on and leaves the position as it is: for a person who wants to be sure. */
export async function searchAgain(
  deps: ReadSearchDeps,
  scope: SearchScope,
  sinceMs: number,
  signal: AbortSignal,
): Promise<Intaken> {
  let intaken = NOTHING;
  for await (const events of pagesOf(deps, scope, sinceMs, signal)) {
    intaken = addUp(intaken, await deps.takeIn(events));
  }
  return intaken;
}

async function begin(deps: ReadSearchDeps, scope: SearchScope, signal: AbortSignal): Promise<SearchPosition> {
  const { clock, lookBackMs } = deps;
  const nowMs = clock.now();
  const recent: TimedRow[] = [];
  let pages = 0;
  for await (const events of pagesOf(deps, scope, probeSince(nowMs, lookBackMs), signal)) {
    recent.push(...events.map(timed));
    pages += 1;
    if (pages >= PROBE_PAGES) break;
  }
  return beginPosition(recent, nowMs, lookBackMs);
}

async function* pagesOf(
  deps: ReadSearchDeps,
  { id, shareOf }: SearchScope,
  since: number,
  signal: AbortSignal,
): AsyncGenerator<readonly FastioEvent[]> {
  const scope = shareOf === undefined ? { workspaceId: id } : { shareId: id };
  for await (const rows of deps.fastio.searchEvents({ ...scope, since }, signal)) {
    // The scope was asked for; a row that does not repeat it is in it all the same.
    const scoped = rows.map((row) =>
      "workspace_id" in row || "share_id" in row
        ? row
        : { ...row, [shareOf === undefined ? "workspace_id" : "share_id"]: id },
    );
    yield readRows(scoped, "search", deps).filter(
      (event) => (shareOf === undefined ? event.workspaceId : event.shareId) === id,
    );
  }
}

const timed = ({ id, occurredAtMs }: FastioEvent): TimedRow => ({ id, atMs: occurredAtMs });
