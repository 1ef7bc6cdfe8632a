import type { Clock } from "../clock.ts";
import type { Fastio } from "../fastio/types.ts";
import { readDeliverySigns } from "../ledger/delivery-signs.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import { backoffMs } from "./backoff.ts";
import { checkNowAndThen, WAS_READ } from "./check-now-and-then.ts";
import { createLatch, type Latch } from "./latch.ts";
import { ALIVE_MS, graceMs, restMs } from "./pace.ts";
import type { Pulls } from "./pull.ts";
import { watchActivity } from "./watch-activity.ts";
import type { WatchedWorkspace } from "./watched-workspaces.ts";

export type FollowDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly fastio: Pick<Fastio, "pollActivity">;
} & Pulls;

/** Workspaces of one organisation that are pulled and checked. */
export type Following = {
  /**
   * Other workspaces from the next pull on, and from the next check. What is under way goes on: a check may take longer
   * than it takes until there is another share.
   */
  goOnWith(workspaces: readonly WatchedWorkspace[]): void;
  /** A pull and a check are wanted now. */
  wake(why: string): void;
  /** Resolves when all of it has ended. */
  end(): Promise<void>;
  /** Resolves when it was ended; rejects for a fault of ours. */
  readonly done: Promise<unknown>;
};

/** Pulled at least this often, whatever moves or does not. */
const IDLE_MS = 300_000;
/** The same where nobody tells us of movements. */
const UNTOLD_MS = 60_000;
/** Requests held at once; workspaces beyond are pulled by the clock, and along with others of their organisation. */
const MAX_WATCHES = 50;

/** Pulls and checks workspaces of one organisation until that is ended. */
export function followOrganisation(
  deps: FollowDeps,
  first: readonly WatchedWorkspace[],
  signal: AbortSignal,
): Following {
  const ending = new AbortController();
  const within = AbortSignal.any([signal, ending.signal]);
  const toPull = createLatch(deps.clock.sleep);
  const toCheck = createLatch(deps.clock.sleep);
  let current = first;
  const workspaces = () => current;
  const done = Promise.all([
    pullNowAndThen(deps, { workspaces, toPull, toCheck }, within),
    checkNowAndThen(deps, { workspaces, toCheck }, within),
  ]);
  const wake = (why: string): void => {
    toPull.open(why);
    toCheck.open(why);
  };
  return {
    goOnWith: (now) => {
      if (JSON.stringify(now) === JSON.stringify(current)) return;
      current = now;
      wake("workspaces");
    },
    wake,
    end: async () => {
      ending.abort(new Error("the organisation is not watched any more"));
      await Promise.allSettled([done]);
    },
    done,
  };
}

/** Pulls one organisation's workspaces whenever something moved in them, and now and then. */
async function pullNowAndThen(
  deps: FollowDeps,
  followed: { readonly workspaces: () => readonly WatchedWorkspace[]; readonly toPull: Latch; readonly toCheck: Latch },
  signal: AbortSignal,
): Promise<void> {
  const { db, clock, random, log, pull } = deps;
  const { toPull: latch, toCheck } = followed;
  const watches = createWatches(deps, latch, signal);
  latch.open("start");
  let failures = 0;
  let wasRead = false;
  try {
    while (!signal.aborted) {
      const told = watches.keep(followed.workspaces());
      const reasons = await latch.pass(told < followed.workspaces().length ? UNTOLD_MS : IDLE_MS, signal);
      const startedMs = clock.now();
      try {
        // Movements that come in the meantime are in this pull too; later ones open the latch anew.
        if (reasons.includes("activity")) await clock.sleep(graceMs(await signsOf(db, clock), clock.now()), signal);
        const pullingMs = clock.now();
        const pulled = await pull({ workspaces: followed.workspaces() }, signal);
        failures = 0;
        if (!wasRead) toCheck.open(WAS_READ);
        wasRead = true;
        const fields = { ...pulled, why: reasons, ms: clock.now() - pullingMs };
        if (pulled.fresh > 0) log.info("catch_up.pulled", fields);
        else log.debug("catch_up.pulled", fields);
        await clock.sleep(restMs(clock.now() - pullingMs), signal);
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        log.warn("catch_up.pull_failed", { failures, ms: clock.now() - startedMs, message: messageOf(error) });
        await clock.sleep(backoffMs(failures, error, random), signal);
        latch.open("failure");
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await watches.ended();
  }
}

/** The held requests that tell of movements. */
function createWatches(deps: FollowDeps, latch: Latch, signal: AbortSignal) {
  const watches = new Map<
    string,
    { readonly stop: AbortController; readonly running: Promise<void>; tells: boolean }
  >();
  const start = (id: string): void => {
    const stop = new AbortController();
    const running = watchActivity(deps, id, (why) => latch.open(why), AbortSignal.any([signal, stop.signal]));
    const watch = {
      stop,
      running: running.finally(() => {
        watch.tells = false;
        latch.open("unwatched");
      }),
      tells: true,
    };
    watches.set(id, watch);
  };
  return {
    /** @returns of how many of them movements are told */
    keep: (workspaces: readonly WatchedWorkspace[]): number => {
      const ids = new Set(workspaces.slice(0, MAX_WATCHES).map(({ id }) => id));
      for (const [id, { stop }] of watches) {
        if (ids.has(id)) continue;
        stop.abort(new Error("the workspace is not watched any more"));
        watches.delete(id);
      }
      for (const id of ids) if (!watches.has(id)) start(id);
      return [...watches.values()].filter(({ tells }) => tells).length;
    },
    ended: () => Promise.allSettled([...watches.values()].map(({ running }) => running)),
  };
}

const signsOf = (db: Db, clock: Clock) => readDeliverySigns(db, clock.now() - ALIVE_MS);
