import type { DeliverySigns } from "../ledger/delivery-signs.ts";

/** Webhooks count as alive for this long after the last one that was verified. */
export const ALIVE_MS = 60_000;
/** While webhooks come in, they get this much time to tell of a movement themselves. */
const GRACE_MS = 5_000;
/** Without them: just long enough that a handful of files is one pull. */
const GATHER_MS = 300;
/** This many deliveries refused for their signature are no accident. */
const BURST = 5;
export const BURST_WINDOW_MS = 300_000;

/** How long to wait between a movement and the pull it causes. */
export const graceMs = ({ lastVerifiedAtMs }: DeliverySigns, nowMs: number): number =>
  lastVerifiedAtMs !== undefined && nowMs - lastVerifiedAtMs < ALIVE_MS ? GRACE_MS : GATHER_MS;

/** Pulls take as long as they rest, so that a slow or rate-limited source is not asked without a break. */
export const restMs = (lastPullMs: number): number => Math.min(60_000, Math.max(1_000, lastPullMs));

/**
 * Notices when deliveries begin to be refused for their signature: a secret was rotated, or the scheme changed.
 * @returns whether these signs begin a burst; a burst that goes on is told again when its window is over
 */
export function createBurstDetector(): (signs: DeliverySigns, nowMs: number) => boolean {
  let toldAtMs = Number.NEGATIVE_INFINITY;
  return ({ badSignatures }, nowMs) => {
    if (badSignatures < BURST || nowMs - toldAtMs < BURST_WINDOW_MS) return false;
    toldAtMs = nowMs;
    return true;
  };
}
