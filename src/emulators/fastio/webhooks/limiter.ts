/** Runs at most `max` jobs at once, first come first served. */
export function createLimiter(max: number): <T>(job: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (job) => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await job();
    } finally {
      const next = waiting.shift();
      // The slot is handed over, so the count stays.
      if (next) next();
      else running -= 1;
    }
  };
}
