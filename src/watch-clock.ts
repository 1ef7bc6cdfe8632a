import type { Clock } from "./clock.ts";

/** By less than this a clock is put right all the time; more between two looks is a jump. */
const JUMP_MS = 1_000;

/**
 * Compares a clock with time as it passes, which nobody can set.
 * @returns tells by how many milliseconds the clock was set since it was asked last, below 0 back; 0: it was not
 */
export function watchClock(clock: Pick<Clock, "now">): () => number {
  const ahead = (): number => clock.now() - performance.now();
  let lastMs = ahead();
  return () => {
    const nowMs = ahead();
    const byMs = Math.round(nowMs - lastMs);
    lastMs = nowMs;
    return Math.abs(byMs) > JUMP_MS ? byMs : 0;
  };
}
