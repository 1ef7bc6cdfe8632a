import type { Clock } from "../../../src/clock.ts";

export type ManualClock = Clock & {
  /** Lets time pass and wakes whoever was waiting for it. */
  advance(ms: number): void;
  /** Lengths of the sleeps that are going on, in milliseconds. */
  waiting(): readonly number[];
};

/** A clock that stands still until told. */
export function createManualClock(startMs = 1_000_000): ManualClock {
  let nowMs = startMs;
  const sleepers = new Set<{ readonly ms: number; readonly dueMs: number; readonly wake: () => void }>();
  return {
    now: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { ms, dueMs: nowMs + ms, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener("abort", () => {
          sleepers.delete(sleeper);
          reject(signal.reason);
        });
      }),
    advance: (ms) => {
      nowMs += ms;
      for (const sleeper of sleepers) {
        if (sleeper.dueMs > nowMs) continue;
        sleepers.delete(sleeper);
        sleeper.wake();
      }
    },
    waiting: () => [...sleepers].map((sleeper) => sleeper.ms),
  };
}
