import { hasNewer, SUPERSEDED } from "../src/ledger/supersede.ts";
import type { RunDesk, RunDeskDeps } from "./run-desk.ts";

/**
 * Ends a run whose file has got a newer version, with a run of its own, while Dify worked on the older one: an old result
 * is not to be delivered after, or beside, the new one.
 * @param isOutdated where that is known; else the ledger is asked
 * @returns whether it was ended
 */
export async function skipOutdated(
  { db, clock, log }: RunDeskDeps,
  desk: RunDesk,
  isOutdated?: boolean,
): Promise<boolean> {
  if (!(isOutdated ?? (await hasNewer(db, desk.run)))) return false;
  await desk.checkpoint({
    ...SUPERSEDED,
    errorMessage: `${SUPERSEDED.errorMessage} before this one was delivered`,
    finishedAtMs: clock.now(),
  });
  log.info("run.outdated", { runId: desk.run.id });
  return true;
}
