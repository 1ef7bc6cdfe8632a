import { parseRetryAfter, serverTimeMs } from "../../http/retry-after.ts";
import type { OutboundResponse } from "../../http/types.ts";

/** What to wait after a 429 that does not say; the official command line waits as long. */
const UNKNOWN_WAIT_MS = 60_000;
/** An end of the window further away than this is a fault of somebody's clock, or told in another unit. */
export const LONGEST_WINDOW_MS = 3_600_000;

type Headers = OutboundResponse["headers"];

/**
 * How long a 429 asks us to wait: `Retry-After`, else the end of the rate-limit window, whose header has an old
 * and a new name and holds epoch seconds or a UTC date and time.
 *
 * @returns milliseconds
 */
export function readRateLimitWaitMs(headers: Headers, nowMs: number): number {
  const thereMs = serverTimeMs(headers, nowMs);
  const retryAfter = parseRetryAfter(headers["retry-after"], thereMs);
  if (retryAfter !== undefined) return retryAfter;
  const reset = readWindowEndMs(headers);
  return reset === undefined ? UNKNOWN_WAIT_MS : Math.min(Math.max(0, reset - thereMs), LONGEST_WINDOW_MS);
}

/** Requests left in this window, if the server says. */
export function readRequestsLeft(headers: Headers): number | undefined {
  const text = headers["x-ve-limit-avail"] ?? headers["x-rate-limit-available"];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Requests a window has in all, if the server says. */
export function readMostRequests(headers: Headers): number | undefined {
  const text = headers["x-ve-limit-max"] ?? headers["x-rate-limit-max"];
  return text !== undefined && /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}

/** When the window ends, in milliseconds since the Unix epoch by the server's clock, if it says. */
export const readWindowEndMs = (headers: Headers): number | undefined =>
  parseReset(headers["x-ve-limit-expires"] ?? headers["x-rate-limit-expiry"]);

function parseReset(value: string | undefined): number | undefined {
  const text = value?.trim() ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const utc = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(?: ?UTC|Z)?$/.exec(text);
  const ms = utc === null ? Number.NaN : Date.parse(`${utc[1]}T${utc[2]}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}
