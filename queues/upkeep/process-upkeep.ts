import { listFindable } from "../../src/catch-up/read-search.ts";
import type { Clock } from "../../src/clock.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { forgetOperatorActions } from "../../src/ledger/operator-actions.ts";
import { FINDABLE_FOR, forgetBefore } from "../../src/ledger/retention.ts";
import { retentionTime } from "../../src/ledger/retention-time.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { JobOutcome } from "../backend.ts";
import { openLease } from "./hold-lease.ts";
import type { Chore } from "./job.ts";

export type ProcessUpkeepDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly newId: () => string;
  readonly sweep: (signal: AbortSignal) => Promise<unknown>;
  /** How long finished work is remembered, in milliseconds. */
  readonly retentionMs: number;
};

/** Upkeep does one chore at a time: so long forgetting may take, and so long the others have the turn before it goes on. */
const RETENTION_MS = 5_000;

/** Who did what by hand outlives the runs it was done to: it is asked for when something is looked into, which is late. */
const DEEDS_KEPT_MS = 365 * 86_400_000;

/** After the death of the process that is at a chore, another may begin it within this time. */
const LEASE_MS = 5_000;
const RENEW_MS = 1_500;

/**
 * Does one chore, unless another process is at it: each period has a job of its own, which may come while that of the
 * period before is still at work elsewhere.
 */
export const processUpkeep = (deps: ProcessUpkeepDeps) => {
  const owner = deps.newId();
  return async (chore: Chore, signal: AbortSignal): Promise<JobOutcome> => {
    const lease = openLease(deps, { name: `upkeep.${chore}`, owner, lastsMs: LEASE_MS, renewMs: RENEW_MS });
    if (!(await lease.take())) return { kind: "done" };
    try {
      return await lease.during((held) => doChore(deps, chore, held), signal);
    } finally {
      await lease.drop();
    }
  };
};

async function doChore(
  { db, clock, log, sweep, retentionMs }: ProcessUpkeepDeps,
  chore: Chore,
  signal: AbortSignal,
): Promise<JobOutcome> {
  switch (chore) {
    case "sweep":
      await sweep(signal);
      break;
    case "retention": {
      const endMs = clock.now() + RETENTION_MS;
      const timeMs = await retentionTime(db, clock.now(), retentionMs);
      let total = 0;
      let forgotten: number;
      do {
        const kept = { findable: await listFindable(db), untilMs: timeMs - FINDABLE_FOR * retentionMs };
        forgotten = await forgetBefore(db, timeMs - retentionMs, kept);
        forgotten += await forgetOperatorActions(db, timeMs - Math.max(retentionMs, DEEDS_KEPT_MS));
        total += forgotten;
      } while (forgotten > 0 && !signal.aborted && clock.now() < endMs);
      if (total > 0) log.info("retention.forgotten", { rows: total });
      if (forgotten > 0) return { kind: "later", atMs: clock.now() + RETENTION_MS };
      break;
    }
    default:
      chore satisfies never;
  }
  return { kind: "done" };
}
