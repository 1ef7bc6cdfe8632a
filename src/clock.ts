/** Time as a dependency. Milliseconds since the Unix epoch. */
export type Clock = {
  now(): number;
  /** Waits; rejects with the signal's reason when aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  // That of `node:timers/promises` makes an error with a stack for each sleep that is cut short, and most are.
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const wake = (): void => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const abort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      if (signal?.aborted) return reject(signal.reason);
      const timer = setTimeout(wake, ms);
      signal?.addEventListener("abort", abort, { once: true });
    }),
};
