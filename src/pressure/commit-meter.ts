import { type Accept, isDataError } from "../ledger/accept.ts";

export type CommitMeter = {
  /** The same, and measured. */
  readonly measured: Accept;
  /** How long who comes now has to wait for a commit, as far as the last ones tell, in milliseconds. */
  lagMs(): number;
  /** Whether commits fail: the last one did, a moment ago. */
  fails(): boolean;
};

/** A commit that took long says nothing of the ledger after this time. */
const LATELY_MS = 2_000;
/** One that failed says something for longer: senders are told to come again in a few seconds. */
const FAILED_LATELY_MS = 15_000;

/** Measures how long intakes wait for their commit. @param nowMs milliseconds of a clock that is never set */
export function createCommitMeter(accept: Accept, nowMs: () => number = () => performance.now()): CommitMeter {
  let waiting = 0;
  /** Since when those who wait have seen nobody being served. */
  let stillSinceMs = 0;
  let lastWaitMs = 0;
  let lastAtMs = Number.NEGATIVE_INFINITY;
  let failedAtMs = Number.NEGATIVE_INFINITY;
  const settled = (sinceMs: number): void => {
    const now = nowMs();
    waiting -= 1;
    stillSinceMs = now;
    lastWaitMs = now - sinceMs;
    lastAtMs = now;
  };
  return {
    measured: async (intake) => {
      const sinceMs = nowMs();
      if (waiting === 0) stillSinceMs = sinceMs;
      waiting += 1;
      try {
        const verdict = await accept(intake);
        failedAtMs = Number.NEGATIVE_INFINITY;
        return verdict;
      } catch (error) {
        if (!(error instanceof Error && isDataError(error.cause))) failedAtMs = nowMs();
        throw error;
      } finally {
        settled(sinceMs);
      }
    },
    fails: () => nowMs() - failedAtMs <= FAILED_LATELY_MS,
    lagMs: () => {
      const now = nowMs();
      const still = waiting === 0 ? 0 : now - stillSinceMs;
      return Math.max(still, now - lastAtMs <= LATELY_MS ? lastWaitMs : 0);
    },
  };
}
