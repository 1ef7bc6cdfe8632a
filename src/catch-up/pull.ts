import type { Clock } from "../clock.ts";
import { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { recordPull, recordPullFailure } from "../ledger/pull-states.ts";
import { forgetEveryMs } from "../ledger/retention.ts";
import type { PullSource } from "../ledger/schema.ts";
import type { Log } from "../telemetry/log.ts";
import { readChanges } from "./read-changes.ts";
import { readWholeListing } from "./read-listing.ts";
import { lastSearched, readSearch } from "./read-search.ts";
import { isUsable, passOver, type SourceMemory } from "./source-memory.ts";
import { addUp, type Intaken, NOTHING, type TakeIn } from "./take-in.ts";
import type { WatchedWorkspace } from "./watched-workspaces.ts";

export type PullDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly fastio: Pick<Fastio, "readChanges" | "searchEvents" | "listFolder">;
  readonly takeIn: TakeIn;
  readonly lookBackMs: number;
  /** How long the ledger remembers, in milliseconds. */
  readonly retentionMs: number;
};

/** Workspaces of one organisation. */
export type PullWish = { readonly workspaces: readonly WatchedWorkspace[] };
export type CheckWish = PullWish & {
  /** Though no search is due. */
  readonly atOnce: boolean;
};

/** What one pull brought, and from where. */
export type Pulled = Intaken & {
  readonly sources: readonly PullSource[];
  /** Workspaces that nothing could be read of. */
  readonly closed: number;
};

/** What a check brought, and in how many milliseconds the next one is due. */
export type Checked = Intaken & { readonly dueInMs: number };

/** Asks Fast.io what happened. One call of each at a time for an organisation. */
export type Pulls = {
  /** The changes feed from its cursor; where there is none, event search; where that is closed, a listing. */
  readonly pull: (wish: PullWish, signal: AbortSignal) => Promise<Pulled>;
  /**
   * Searches beside a feed that works, where that is due: it may have left something out. A busy workspace has pages for
   * many minutes, as searches are few that Fast.io answers, so the feed is read meanwhile. Without a feed each pull searches.
   */
  readonly check: (wish: CheckWish, signal: AbortSignal) => Promise<Checked>;
};

/** No check is due sooner than this. */
const SHORTEST_REST_MS = 1_000;

/** Ways to ask Fast.io what happened. What did not work is remembered, and tried again after an hour. */
export function createPulls(deps: PullDeps): Pulls {
  const { db, clock, log, retentionMs } = deps;
  // Even a feed that works is checked against a search, before what it missed may be forgotten.
  const searchEveryMs = forgetEveryMs(retentionMs);
  const feeds = new Map<string, SourceMemory>();
  const others = new Map<string, SourceMemory>();

  /** @returns undefined when the source is of no use here */
  const attempt = async (
    workspace: WatchedWorkspace,
    source: "search" | "listing",
    read: () => Promise<Intaken>,
  ): Promise<{ readonly intaken: Intaken } | PermanentError | undefined> => {
    const memory = (): SourceMemory => others.get(workspace.id) ?? {};
    if (!isUsable(memory(), source, clock.now())) return undefined;
    try {
      return { intaken: await read() };
    } catch (error) {
      // A key that does not work closes everything; the other refusals concern this way of asking.
      if (!(error instanceof PermanentError) || error.code === "unauthorized") throw error;
      // Who asked beside us may have learned something meanwhile.
      others.set(workspace.id, passOver(memory(), source, clock.now()));
      log.warn("catch_up.source_closed", {
        workspaceId: workspace.id,
        source,
        code: error.code,
        message: error.message,
      });
      return error;
    }
  };

  /** Without the feed: search, else a listing. */
  const pullOne = async (workspace: WatchedWorkspace, signal: AbortSignal): Promise<Pulled> => {
    let refusal: PermanentError | undefined;
    for (const source of ["search", "listing"] as const) {
      const read = source === "search" ? readSearch : readWholeListing;
      const told = await attempt(workspace, source, () => read(deps, workspace, signal));
      if (told instanceof PermanentError) refusal = told;
      else if (told !== undefined) {
        await recordPull(db, workspace, { source, atMs: clock.now() });
        return { ...told.intaken, sources: [source], closed: 0 };
      }
    }
    if (refusal) await recordPullFailure(db, workspace, refusal, clock.now());
    return { ...NOTHING, sources: [], closed: 1 };
  };

  /** Beside the feed: its refusal is no harm while the feed works. */
  const searchToo = async (
    workspaces: readonly WatchedWorkspace[],
    signal: AbortSignal,
  ): Promise<{ readonly intaken: Intaken; readonly all: boolean }> => {
    let intaken = NOTHING;
    let all = true;
    for (const workspace of workspaces) {
      const told = await attempt(workspace, "search", () => readSearch(deps, workspace, signal));
      if (told === undefined || told instanceof PermanentError) all = false;
      else intaken = addUp(intaken, told.intaken);
    }
    return { intaken, all };
  };

  const mayFeed = (org: string): boolean => isUsable(feeds.get(org) ?? {}, "changes", clock.now());

  const pullFeed = async (org: string, { workspaces }: PullWish, signal: AbortSignal) => {
    if (!mayFeed(org)) return undefined;
    const read = await readChanges(deps, { org, watched: workspaces }, signal).catch(refusedAsUnusable);
    if (read.kind === "unusable") {
      log.info("catch_up.source_closed", { org, source: "changes", code: read.why });
      feeds.set(org, passOver(feeds.get(org) ?? {}, "changes", clock.now()));
      return undefined;
    }
    const fresh = read.kind === "fresh_start";
    let intaken = fresh ? NOTHING : read.intaken;
    if (fresh) {
      // What was missed while the cursor was lost must be found before the new one takes over.
      const searched = await searchToo(workspaces, signal);
      intaken = searched.intaken;
      if (!searched.all && read.lost) {
        for (const workspace of workspaces) {
          const told = await attempt(workspace, "listing", () => readWholeListing(deps, workspace, signal));
          if (told !== undefined && !(told instanceof PermanentError)) intaken = addUp(intaken, told.intaken);
        }
      }
      await read.keep();
    }
    for (const workspace of workspaces) await recordPull(db, workspace, { source: "changes", atMs: clock.now() });
    return { ...intaken, sources: ["changes"], closed: 0 } satisfies Pulled;
  };

  const dueInMs = async ({ id }: WatchedWorkspace): Promise<number> => {
    const last = await lastSearched(db, id);
    return last === undefined ? 0 : Math.max(0, last + searchEveryMs - clock.now());
  };

  const check: Pulls["check"] = async ({ workspaces, atOnce }, signal) => {
    const org = orgOf(workspaces);
    let intaken = NOTHING;
    let nextInMs = searchEveryMs;
    const failures: unknown[] = [];
    for (const workspace of org !== undefined && mayFeed(org) ? workspaces : []) {
      const dueMs = atOnce ? 0 : await dueInMs(workspace);
      nextInMs = Math.min(nextInMs, dueMs || searchEveryMs);
      if (dueMs > 0) continue;
      try {
        intaken = addUp(intaken, (await searchToo([workspace], signal)).intaken);
      } catch (error) {
        signal.throwIfAborted();
        // One that goes wrong each time must not keep those behind it from ever being checked.
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return { ...intaken, dueInMs: Math.max(SHORTEST_REST_MS, nextInMs) };
  };

  const pull: Pulls["pull"] = async (wish, signal) => {
    const org = orgOf(wish.workspaces);
    const byFeed = org === undefined ? undefined : await pullFeed(org, wish, signal);
    if (byFeed) return byFeed;
    let sum: Pulled = { ...NOTHING, sources: [], closed: 0 };
    for (const workspace of wish.workspaces) {
      const one = await pullOne(workspace, signal);
      sum = {
        ...addUp(sum, one),
        sources: [...new Set([...sum.sources, ...one.sources])],
        closed: sum.closed + one.closed,
      };
    }
    return sum;
  };

  return { pull, check };
}

const orgOf = (workspaces: readonly WatchedWorkspace[]): string | undefined =>
  workspaces.find((one) => one.org !== undefined)?.org;

/** A key that does not work is everybody's trouble; whatever else is refused for good concerns the feed alone. */
function refusedAsUnusable(error: unknown): { readonly kind: "unusable"; readonly why: string } {
  if (!(error instanceof PermanentError) || error.code === "unauthorized") throw error;
  return { kind: "unusable", why: error.code };
}
