import type { Clock } from "../clock.ts";
import { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { recordCheck, recordCheckFailure, recordPull, recordPullFailure } from "../ledger/pull-states.ts";
import { forgetEveryMs } from "../ledger/retention.ts";
import type { PullSource } from "../ledger/schema.ts";
import type { Log } from "../telemetry/log.ts";
import { faultOf, noteFailure } from "./note-failure.ts";
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
  /** Though no search is due: each that was not searched since this moment. */
  readonly wantedAtMs?: number | undefined;
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
  /**
   * The changes feed from its cursor; where there is none, event search; where that is closed, a listing. Of each
   * workspace that failed it is written down; the others are read all the same.
   */
  readonly pull: (wish: PullWish, signal: AbortSignal) => Promise<Pulled>;
  /**
   * Searches beside a feed that works, where that is due: it may have left something out. A busy workspace has pages for
   * many minutes, as searches are few that Fast.io answers, so the feed is read meanwhile. Without a feed each pull searches.
   * Which workspaces failed is written down.
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
      if (!(error instanceof PermanentError) || isRefusedKey(error)) throw error;
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

  /** Beside the feed: its refusal is no harm while the feed works. @returns undefined when it is closed */
  const searchToo = async (workspace: WatchedWorkspace, signal: AbortSignal): Promise<Intaken | undefined> => {
    const told = await attempt(workspace, "search", () => readSearch(deps, workspace, signal));
    if (told instanceof PermanentError && told.code !== "unsupported_here") {
      await recordCheckFailure(db, workspace, faultOf(told), clock.now());
    } else if (told !== undefined) await recordCheck(db, workspace);
    return told === undefined || told instanceof PermanentError ? undefined : told.intaken;
  };

  const mayFeed = (org: string): boolean => isUsable(feeds.get(org) ?? {}, "changes", clock.now());

  /**
   * One that goes wrong each time must keep no other from its turn; a key that does not work goes wrong with all.
   * @throws the first of what went wrong, after the others had their turn
   */
  const ofEach = async <T>(
    workspaces: readonly WatchedWorkspace[],
    work: (workspace: WatchedWorkspace) => Promise<T>,
    note: (failed: readonly WatchedWorkspace[], error: unknown) => Promise<void>,
    signal: AbortSignal,
  ): Promise<readonly T[]> => {
    const done: T[] = [];
    const failures: unknown[] = [];
    for (const workspace of workspaces) {
      try {
        done.push(await work(workspace));
      } catch (error) {
        signal.throwIfAborted();
        await note(isRefusedKey(error) ? workspaces : [workspace], error);
        if (isRefusedKey(error)) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    return done;
  };

  const noteUnread = (failed: readonly WatchedWorkspace[], error: unknown) =>
    noteFailure(db, failed, error, clock.now());

  const noteUnchecked = async (failed: readonly WatchedWorkspace[], error: unknown): Promise<void> => {
    // Pulls tell of a key that is refused.
    for (const one of isRefusedKey(error) ? [] : failed)
      await recordCheckFailure(db, one, faultOf(error), clock.now()).catch(() => undefined);
  };

  const pullFeed = async (org: string, { workspaces }: PullWish, signal: AbortSignal): Promise<Pulled | undefined> => {
    if (!mayFeed(org)) return undefined;
    const read = await readChanges(deps, { org, watched: workspaces }, signal).catch(async (error: unknown) => {
      if (error instanceof PermanentError && !isRefusedKey(error))
        return { kind: "unusable", why: error.code } as const;
      signal.throwIfAborted();
      await noteUnread(workspaces, error);
      throw error;
    });
    if (read.kind === "unusable") {
      log.info("catch_up.source_closed", { org, source: "changes", code: read.why });
      feeds.set(org, passOver(feeds.get(org) ?? {}, "changes", clock.now()));
      return undefined;
    }
    let intaken = read.kind === "read" ? read.intaken : NOTHING;
    if (read.kind === "fresh_start") {
      // What was missed while the cursor was lost must be found before the new one takes over.
      const search = async (workspace: WatchedWorkspace): Promise<Intaken> => {
        const searched = await searchToo(workspace, signal);
        // The feed may have to wait for another workspace; this one was read.
        if (searched !== undefined) await recordPull(db, workspace, { source: "search", atMs: clock.now() });
        if (searched !== undefined || !read.lost) return searched ?? NOTHING;
        const told = await attempt(workspace, "listing", () => readWholeListing(deps, workspace, signal));
        return told === undefined || told instanceof PermanentError ? NOTHING : told.intaken;
      };
      intaken = (await ofEach(workspaces, search, noteUnread, signal)).reduce(addUp, NOTHING);
      await read.keep();
    }
    for (const workspace of workspaces) await recordPull(db, workspace, { source: "changes", atMs: clock.now() });
    return { ...intaken, sources: ["changes"], closed: 0 };
  };

  /** When the next search of a workspace is due: the past where it was never searched. */
  const dueAtMs = async ({ id }: WatchedWorkspace, wantedAtMs: number | undefined): Promise<number> => {
    const last = (await lastSearched(db, id)) ?? Number.NEGATIVE_INFINITY;
    return wantedAtMs !== undefined && last < wantedAtMs ? wantedAtMs : last + searchEveryMs;
  };

  const check: Pulls["check"] = async ({ workspaces, wantedAtMs }, signal) => {
    const org = orgOf(workspaces);
    let nextAtMs = clock.now() + searchEveryMs;
    const search = async (workspace: WatchedWorkspace): Promise<Intaken> => {
      const dueMs = await dueAtMs(workspace, wantedAtMs);
      if (dueMs <= clock.now()) return (await searchToo(workspace, signal)) ?? NOTHING;
      nextAtMs = Math.min(nextAtMs, dueMs);
      return NOTHING;
    };
    const isWanted = org !== undefined && mayFeed(org);
    const intaken = (await ofEach(isWanted ? workspaces : [], search, noteUnchecked, signal)).reduce(addUp, NOTHING);
    return { ...intaken, dueInMs: Math.max(SHORTEST_REST_MS, nextAtMs - clock.now()) };
  };

  const pull: Pulls["pull"] = async (wish, signal) => {
    const org = orgOf(wish.workspaces);
    const byFeed = org === undefined ? undefined : await pullFeed(org, wish, signal);
    if (byFeed) return byFeed;
    const pulled = await ofEach(wish.workspaces, (workspace) => pullOne(workspace, signal), noteUnread, signal);
    return {
      ...pulled.reduce<Intaken>(addUp, NOTHING),
      sources: [...new Set(pulled.flatMap(({ sources }) => sources))],
      closed: pulled.reduce((sum, { closed }) => sum + closed, 0),
    };
  };

  return { pull, check };
}

const orgOf = (workspaces: readonly WatchedWorkspace[]): string | undefined =>
  workspaces.find((one) => one.org !== undefined)?.org;

/** A key that does not work is everybody's trouble; whatever else is refused for good concerns one way of asking. */
const isRefusedKey = (error: unknown): boolean => error instanceof PermanentError && error.code === "unauthorized";
