/** No limit that we know of is closed for longer; who asks for more has mistaken a unit or a clock. */
const LONGEST_WISH_MS = 86_400_000;

/** What is believed of a wait that an upstream asks for: a day at most, or one odd answer would stop work for years. */
export const believedWaitMs = (ms: number): number => Math.min(ms, LONGEST_WISH_MS);

/**
 * How long an upstream asks us to wait.
 *
 * @param value the `Retry-After` header as RFC 9110 has it: whole seconds, or an HTTP date; fractions are taken too
 * @param nowMs milliseconds since the Unix epoch
 * @returns milliseconds, never negative, a day at most; undefined when absent or unreadable
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) return believedWaitMs(Math.ceil(Number(text) * 1_000));
  // Date.parse reads many things as dates, a bare "-5" among them; an HTTP date begins with a weekday.
  if (!/^[A-Za-z]{3}/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : believedWaitMs(Math.max(0, at - nowMs));
}

/** A clock of ours that is off by less is as good as `Date`, which has whole seconds. */
const SKEW_MS = 5_000;

/**
 * The time by which a server means the moments that it names: its own, where ours is far from that.
 * @param headers of the same answer
 * @returns milliseconds since the Unix epoch
 */
export function serverTimeMs(headers: Readonly<Record<string, string>>, nowMs: number): number {
  const dateMs = Date.parse(headers["date"] ?? "");
  return Math.abs(dateMs - nowMs) > SKEW_MS ? dateMs : nowMs;
}
