import type { FastioKnobs } from "../knobs.ts";
import { formatTime } from "../protocol/times.ts";

export type RateVerdict = {
  readonly allowed: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly retryAfterSeconds: number;
};

type RateKnobs = Pick<FastioKnobs, "rateLimit" | "rateWindowMs" | "rateHeaders" | "rateReset">;

const MODERN = ["x-ve-limit-avail", "x-ve-limit-max", "x-ve-limit-expires"] as const;
const LEGACY = ["x-rate-limit-available", "x-rate-limit-max", "x-rate-limit-expiry"] as const;

function headersOf(knobs: RateKnobs, left: number, endsMs: number): Record<string, string> {
  const reset =
    knobs.rateReset === "datetime"
      ? formatTime(Math.ceil(endsMs / 1000) * 1000)
      : knobs.rateReset === "epoch"
        ? String(Math.ceil(endsMs / 1000))
        : undefined;
  const families = knobs.rateHeaders === "both" ? [MODERN, LEGACY] : [knobs.rateHeaders === "modern" ? MODERN : LEGACY];
  return Object.fromEntries(
    families.flatMap(([avail, max, expires]) => [
      [avail, String(Math.max(0, left))],
      [max, String(knobs.rateLimit)],
      ...(reset === undefined ? [] : [[expires, reset]]),
    ]),
  );
}

/** Counts requests per caller in fixed windows of real time. */
export function createRateLimit(options: {
  readonly knobs: RateKnobs;
  readonly now: () => number;
}): (caller: string) => RateVerdict {
  const { knobs } = options;
  const windows = new Map<string, { used: number; endsMs: number }>();
  return (caller) => {
    const nowMs = options.now();
    let window = windows.get(caller);
    if (!window || window.endsMs <= nowMs) {
      window = { used: 0, endsMs: nowMs + knobs.rateWindowMs };
      windows.set(caller, window);
    }
    window.used += 1;
    return {
      allowed: window.used <= knobs.rateLimit,
      retryAfterSeconds: Math.max(1, Math.ceil((window.endsMs - nowMs) / 1000)),
      headers: headersOf(knobs, knobs.rateLimit - window.used, window.endsMs),
    };
  };
}
