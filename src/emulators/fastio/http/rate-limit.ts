export type RateVerdict = {
  readonly allowed: boolean;
  /** Both families of headers, reset in epoch seconds. */
  readonly headers: Readonly<Record<string, string>>;
  readonly retryAfterSeconds: number;
};

/** Counts requests per caller in fixed windows of real time. */
export function createRateLimit(options: {
  readonly max: number;
  readonly windowMs: number;
  readonly now: () => number;
}): (caller: string) => RateVerdict {
  const windows = new Map<string, { used: number; endsMs: number }>();
  return (caller) => {
    const nowMs = options.now();
    let window = windows.get(caller);
    if (!window || window.endsMs <= nowMs) {
      window = { used: 0, endsMs: nowMs + options.windowMs };
      windows.set(caller, window);
    }
    window.used += 1;
    const left = String(Math.max(0, options.max - window.used));
    const max = String(options.max);
    const reset = String(Math.ceil(window.endsMs / 1000));
    return {
      allowed: window.used <= options.max,
      retryAfterSeconds: Math.max(1, Math.ceil((window.endsMs - nowMs) / 1000)),
      headers: {
        "x-ve-limit-avail": left,
        "x-ve-limit-max": max,
        "x-ve-limit-expires": reset,
        "x-rate-limit-available": left,
        "x-rate-limit-max": max,
        "x-rate-limit-expiry": reset,
      },
    };
  };
}
