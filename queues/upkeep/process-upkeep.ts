import type { Clock } from "../../src/clock.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { forgetBefore } from "../../src/ledger/retention.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { JobOutcome } from "../backend.ts";
import type { Chore } from "./job.ts";

export type ProcessUpkeepDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly sweep: () => Promise<unknown>;
  /** How long finished work is remembered, in milliseconds. */
  readonly retentionMs: number;
};

/** Does one chore. */
export const processUpkeep =
  ({ db, clock, log, sweep, retentionMs }: ProcessUpkeepDeps) =>
  async (chore: Chore, signal: AbortSignal): Promise<JobOutcome> => {
    switch (chore) {
      case "sweep":
        await sweep();
        break;
      case "retention": {
        let total = 0;
        for (let forgotten = 1; forgotten > 0 && !signal.aborted; total += forgotten) {
          forgotten = await forgetBefore(db, clock.now() - retentionMs);
        }
        if (total > 0) log.info("retention.forgotten", { rows: total });
        break;
      }
      default:
        chore satisfies never;
    }
    return { kind: "done" };
  };
