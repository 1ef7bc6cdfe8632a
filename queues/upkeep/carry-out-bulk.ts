import type { Clock } from "../../src/clock.ts";
import type { NewestVersions } from "../../src/ledger/ask-to-replay.ts";
import { nextBulkDueMs } from "../../src/ledger/bulk-actions.ts";
import { stepBulk } from "../../src/ledger/bulk-step.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import type { Log } from "../../src/telemetry/log.ts";

export type CarryOutBulkDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** Where replays learn what the newest version is. */
  readonly newest: NewestVersions;
};

/** Who waits for longer than this asks the ledger again: an operator may have begun or aborted something meanwhile. */
const LONGEST_WAIT_MS = 1_000;

/** Carries out what operators asked to be done to many runs, each at its rate, for as long as something is due soon. */
export async function carryOutBulk({ db, clock, log, newest }: CarryOutBulkDeps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const step = await stepBulk(db, newest, clock.now());
    if (step.kind === "ended") {
      const { id, deed, total, done, already, refused } = step.bulk;
      log.info("bulk.ended", { bulk: id, deed, total, done, already, refused });
    }
    if (step.kind !== "idle") continue;
    const dueMs = await nextBulkDueMs(db);
    const waitMs = dueMs === undefined ? Number.POSITIVE_INFINITY : Math.max(20, dueMs - clock.now());
    if (waitMs > LONGEST_WAIT_MS) return;
    await clock.sleep(waitMs, signal).catch(() => undefined);
  }
}
