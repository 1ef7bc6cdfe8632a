import { setTimeout as delay } from "node:timers/promises";
import { readChangedRuns, replayRun, type ToldRun } from "./ask-relay.ts";

/** What the ledger told of runs, kept beyond its retention. */
export type FollowedRuns = {
  /** The last word on each run, by id. */
  readonly told: ReadonlyMap<string, ToldRun>;
  readonly replays: number;
  /** Asks once more. */
  look(): Promise<void>;
};

const LOOK_EVERY_MS = 3_000;
/** Two processes write to the ledger, by one clock, but what is committed later may be stamped earlier. */
const OVERLAP_MS = 15_000;

/** Follows all runs as an operator's program would, and replays those that failed. */
export function followRuns(relayUrl: string, signal: AbortSignal): FollowedRuns & { readonly ended: Promise<void> } {
  const told = new Map<string, ToldRun>();
  let sinceMs = 0;
  let replays = 0;
  const look = async (): Promise<void> => {
    const askedMs = Date.now();
    for (const run of await readChangedRuns(relayUrl, sinceMs)) {
      const known = told.get(run.id);
      if (known && known.updatedAtMs >= run.updatedAtMs) continue;
      told.set(run.id, run);
      if (run.status !== "failed") continue;
      await replayRun(relayUrl, run.id);
      replays += 1;
    }
    sinceMs = askedMs - OVERLAP_MS;
  };
  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      // Lines are cut now and then; the next look sees what this one missed.
      await look().catch(() => undefined);
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  };
  return {
    told,
    get replays() {
      return replays;
    },
    look,
    ended: follow(),
  };
}
