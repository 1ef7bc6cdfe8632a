import { untilBeat } from "../../src/beat.ts";
import type { Clock } from "../../src/clock.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { openLease } from "./hold-lease.ts";
import type { Lookout, WorkKind } from "./lookout.ts";

export type LeasedChoreDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
  readonly lookout: Pick<Lookout, "until">;
};

export type LeasedChore = {
  /** Names the lease. */
  readonly name: string;
  readonly everyMs: number;
  /** What it has to do, as the lookout sees it. Default: it goes to look each time. */
  readonly when?: WorkKind;
  readonly work: (signal: AbortSignal) => Promise<unknown>;
};

/** After the death of the process that has a chore, another takes it over within this time. */
const LEASE_MS = 15_000;
const RENEW_MS = 4_000;

/**
 * Does something again and again in one process at a time: for chores that wait on an upstream, and would hold up the
 * sweep if they were jobs of the queue "upkeep". A failure is logged, and the chore goes on.
 * @returns stops it and resolves when it has stopped
 */
export function startLeasedChore(
  deps: LeasedChoreDeps,
  { name, everyMs, when, work }: LeasedChore,
): () => Promise<void> {
  const { clock, log, lookout } = deps;
  const lease = openLease(deps, { name, owner: deps.newId(), lastsMs: LEASE_MS, renewMs: RENEW_MS });
  const stopping = new AbortController();

  /** One go, for as long as the lease is ours. */
  const once = (): Promise<unknown> =>
    lease.during(async (signal) => {
      try {
        await work(signal);
      } catch (error) {
        if (!signal.aborted) log.warn("upkeep.chore_failed", { chore: name, message: messageOf(error) });
      }
    }, stopping.signal);
  const running = (async () => {
    while (!stopping.signal.aborted) {
      if (await lease.take()) await once();
      await clock.sleep(untilBeat(everyMs), stopping.signal).catch(() => undefined);
      if (when !== undefined) await lookout.until(when, stopping.signal);
    }
    await lease.drop();
  })();
  return async () => {
    stopping.abort(new Error("the relay stops"));
    await running;
  };
}
