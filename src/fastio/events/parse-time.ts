const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|UTC|GMT|[+-]\d\d:?\d\d)?)?$/i;

/** Nothing in Fast.io is older than this; guards against counters and sizes taken for times. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const LATEST_MS = Date.UTC(2100, 0, 1);

/**
 * Reads a time as Fast.io and its articles write it: `2026-05-18 19:26:25 UTC`, ISO 8601 (UTC when no zone is named),
 * seconds or milliseconds since the Unix epoch as number or text.
 * @returns milliseconds since the Unix epoch; undefined for anything else and outside the years 2000 to 2099
 */
export const parseTime = (value: unknown): number | undefined => {
  const ms =
    typeof value === "number" ? fromEpoch(value) : typeof value === "string" ? fromText(value.trim()) : undefined;
  return ms !== undefined && ms >= EARLIEST_MS && ms < LATEST_MS ? ms : undefined;
};

/** Milliseconds from 10^11 on: as seconds that would be the year 5138. */
const fromEpoch = (value: number): number => Math.trunc(value >= 1e11 ? value : value * 1000);

const fromText = (text: string): number | undefined => {
  if (/^\d{9,13}(?:\.\d{1,9})?$/.test(text)) return fromEpoch(Number(text));
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] = match;
  const ms = Number(fraction.padEnd(3, "0").slice(0, 3));
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const midnight = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (midnight.getUTCMonth() + 1 !== Number(month) || midnight.getUTCDate() !== Number(day)) return undefined;
  const seconds = (Number(hour) * 60 + Number(minute)) * 60 + Number(second);
  return midnight.getTime() + seconds * 1000 + ms - zoneMs(zone);
};

const zoneMs = (zone: string): number => {
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (match === null) return 0;
  const [, sign, hours, minutes] = match;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
};
