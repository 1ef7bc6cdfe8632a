/**
 * Milliseconds until the next beat of this length, which is at least half of it away. Beats are counted from the start
 * of the process, so that what it does now and then it does at the same moments: to wake up for one thing takes it
 * several times as long as to do one more while it is awake. Other processes have beats of their own.
 */
export function untilBeat(everyMs: number): number {
  const leftMs = everyMs - (performance.now() % everyMs);
  return leftMs >= everyMs / 2 ? leftMs : leftMs + everyMs;
}
