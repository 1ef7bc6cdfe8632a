/** Something to wait for that may be asked for many times before anybody waits. */
export type Latch = {
  /** Lets the one who waits go on, or the next who will. */
  open(why: string): void;
  /**
   * Waits until it is opened, or until the time is over; either way it is shut afterwards.
   * @returns everything it was opened for; empty when the time was over
   */
  pass(longestMs: number, signal: AbortSignal): Promise<readonly string[]>;
};

/** @param sleep rejects when its signal is aborted; so does then who waits */
export function createLatch(sleep: (ms: number, signal: AbortSignal) => Promise<void>): Latch {
  let reasons = new Set<string>();
  let wake: (() => void) | undefined;
  return {
    open: (why) => {
      reasons.add(why);
      wake?.();
    },
    pass: async (longestMs, signal) => {
      if (reasons.size === 0) {
        const waiting = new AbortController();
        const opened = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const over = sleep(longestMs, AbortSignal.any([signal, waiting.signal])).catch(() => signal.throwIfAborted());
        try {
          await Promise.race([opened, over]);
        } finally {
          wake = undefined;
          waiting.abort();
        }
      }
      const told = [...reasons];
      reasons = new Set();
      return told;
    },
  };
}
