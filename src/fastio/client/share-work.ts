/** Runs one piece of work for all who ask while it is under way. */
export type SharedWork<T> = (signal: AbortSignal) => Promise<T>;

/**
 * Makes work shared: whoever calls while it runs waits for the same outcome. A caller who aborts leaves the others
 * waiting; when the last one leaves, the work itself is aborted.
 */
export function shareWork<T>(work: (signal: AbortSignal) => Promise<T>): SharedWork<T> {
  let running: { readonly outcome: Promise<T>; readonly abort: AbortController; waiting: number } | undefined;

  const begin = () => {
    const abort = new AbortController();
    const outcome = work(abort.signal).finally(() => {
      if (running?.outcome === outcome) running = undefined;
    });
    // With nobody left to hear of it, a failure is nobody's.
    outcome.catch(() => {});
    return { outcome, abort, waiting: 0 };
  };

  return async (signal) => {
    signal.throwIfAborted();
    running ??= begin();
    const mine = running;
    mine.waiting += 1;
    let leave: (() => void) | undefined;
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
    });
    try {
      return await Promise.race([mine.outcome, left]);
    } finally {
      if (leave) signal.removeEventListener("abort", leave);
      mine.waiting -= 1;
      if (mine.waiting === 0 && running === mine) {
        running = undefined;
        mine.abort.abort(signal.reason);
      }
    }
  };
}
