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

/**
 * By so much nobody's clock is ahead of another's unless it is wrong: a relay refuses every delivery of Fast.io's then. A
 * clock that takes the time of its place for another's is wrong by an hour.
 */
export const WRONG_BY_MS = 300_000;

/** So many jumps are remembered; what came before them is long over. */
const MOST_JUMPS = 100;

/**
 * Remembers when a clock was put ahead. To be asked often: a jump counts as one of the moment when it is seen.
 * @returns tells by how many milliseconds it was since a moment that this clock named
 */
export function rememberJumps(clock: Pick<Clock, "now">): (sinceMs: number) => number {
  const jumpedMs = watchClock(clock);
  let jumps: readonly { readonly fromMs: number; readonly byMs: number }[] = [];
  return (sinceMs) => {
    const byMs = jumpedMs();
    if (byMs > 0) jumps = [...jumps, { fromMs: clock.now() - byMs, byMs }].slice(-MOST_JUMPS);
    return jumps.reduce((sum, jump) => (jump.fromMs >= sinceMs ? sum + jump.byMs : sum), 0);
  };
}
