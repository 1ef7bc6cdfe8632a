import { SUPERSEDED } from "../src/ledger/supersede.ts";
import type { RunDesk, RunDeskDeps } from "./run-desk.ts";

/**
 * Ends a run whose file has got a newer version, with a run of its own, while Dify worked on the older one: an old result
 * is not to be delivered after, or beside, the new one.
 * @param isOutdated as the claim or the checkpoint before told
 * @returns whether it was ended
 */
export async function skipOutdated(
  { clock, log }: Pick<RunDeskDeps, "clock" | "log">,
  desk: RunDesk,
  isOutdated: boolean,
): Promise<boolean> {
  if (!isOutdated) return false;
  await desk.checkpoint({
    ...SUPERSEDED,
    errorMessage: `${SUPERSEDED.errorMessage} before this one was delivered`,
    finishedAtMs: clock.now(),
  });
  log.info("run.outdated", { runId: desk.run.id });
  return true;
}
