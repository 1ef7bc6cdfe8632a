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

export type PullWish = {
  /** Workspaces of one organisation. */
  readonly workspaces: readonly WatchedWorkspace[];
  /** Search too, even where the changes feed works. */
  readonly thorough: boolean;
};

/** What one pull brought, and from where. */
export type Pulled = Intaken & {
  readonly sources: readonly PullSource[];
  /** Workspaces that nothing could be read of. */
  readonly closed: number;
};

/** Asks Fast.io what happened. One pull of an organisation at a time. */
export type Pull = (wish: PullWish, signal: AbortSignal) => Promise<Pulled>;

/**
 * The changes feed from its cursor; where there is none, event search; where that is closed, a listing. What did not
 * work is remembered, and tried again after an hour.
 */
export function createPull(deps: PullDeps): Pull {
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
    const memory = others.get(workspace.id) ?? {};
    if (!isUsable(memory, source, clock.now())) return undefined;
    try {
      return { intaken: await read() };
    } catch (error) {
      // A key that does not work closes everything; the other refusals concern this way of asking.
      if (!(error instanceof PermanentError) || error.code === "unauthorized") throw error;
      others.set(workspace.id, passOver(memory, source, clock.now()));
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

  /** Beside the feed: a search where it is due or wanted; its refusal is no harm while the feed works. */
  const searchToo = async (
    workspaces: readonly WatchedWorkspace[],
    wanted: boolean,
    signal: AbortSignal,
  ): Promise<{ readonly intaken: Intaken; readonly all: boolean }> => {
    let intaken = NOTHING;
    let all = true;
    for (const workspace of workspaces) {
      const last = await lastSearched(db, workspace.id);
      if (!wanted && last !== undefined && clock.now() - last < searchEveryMs) continue;
      const told = await attempt(workspace, "search", () => readSearch(deps, workspace, signal));
      if (told === undefined || told instanceof PermanentError) all = false;
      else intaken = addUp(intaken, told.intaken);
    }
    return { intaken, all };
  };

  const pullFeed = async (org: string, { workspaces, thorough }: PullWish, signal: AbortSignal) => {
    const memory = feeds.get(org) ?? {};
    if (!isUsable(memory, "changes", clock.now())) return undefined;
    const read = await readChanges(deps, { org, watched: workspaces }, signal).catch(refusedAsUnusable);
    if (read.kind === "unusable") {
      log.info("catch_up.source_closed", { org, source: "changes", code: read.why });
      feeds.set(org, passOver(memory, "changes", clock.now()));
      return undefined;
    }
    const fresh = read.kind === "fresh_start";
    const searched = await searchToo(workspaces, thorough || fresh, signal);
    let intaken = addUp(fresh ? NOTHING : read.intaken, searched.intaken);
    if (fresh) {
      // What was missed while the cursor was lost must be found before the new one takes over.
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

  return async (wish, signal) => {
    const org = wish.workspaces.find((one) => one.org !== undefined)?.org;
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
}

/** A key that does not work is everybody's trouble; whatever else is refused for good concerns the feed alone. */
function refusedAsUnusable(error: unknown): { readonly kind: "unusable"; readonly why: string } {
  if (!(error instanceof PermanentError) || error.code === "unauthorized") throw error;
  return { kind: "unusable", why: error.code };
}
