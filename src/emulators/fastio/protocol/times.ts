/** `YYYY-MM-DD HH:MM:SS UTC`, the way Fast.io writes times. */
export const formatTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** Reads the same form, with or without `UTC`; undefined for anything else. */
export function parsePlainTime(text: string): number | undefined {
  const plain = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?: UTC)?$/.exec(text);
  const ms = plain ? Date.parse(`${plain[1]}T${plain[2]}Z`) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** Reads that form and ISO 8601; undefined for anything else. */
export function parseTime(text: string): number | undefined {
  const ms =
    parsePlainTime(text) ??
    (/^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/.test(text) ? Date.parse(text) : Number.NaN);
  return Number.isNaN(ms) ? undefined : ms;
}
