const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const MILLISECONDS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** For editors: what `parseSize` and `parseDuration` read, near enough. */
export const SIZE_PATTERN = "^\\s*\\d{1,15}(\\.\\d{1,6})?\\s?([kKmMgGtT]([iI])?)?[bB]\\s*$";
export const DURATION_PATTERN = "^\\s*\\d{1,15}(\\.\\d{1,6})?\\s?([mM]?[sS]|[mMhHdD])\\s*$";

/** `15MB` (15,000,000), `1GiB` (2³⁰), `0.5 kB`, or a whole number. @returns bytes, or undefined when unreadable */
export const parseSize = (value: string | number): number | undefined =>
  typeof value === "number" ? wholeNumber(value) : parseUnits(value, BYTES);

/** `90s`, `20m`, `1.5h`, `2d`, `500ms`. @returns milliseconds, or undefined when unreadable */
export const parseDuration = (value: string): number | undefined => parseUnits(value, MILLISECONDS);

function parseUnits(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const found = /^(\d{1,15}(?:\.\d{1,6})?)\s?([a-z]{1,3})$/i.exec(text.trim());
  const unit = found?.[2]?.toLowerCase() ?? "";
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  return factor === undefined ? undefined : wholeNumber(Math.round(Number(found?.[1]) * factor));
}

const wholeNumber = (value: number): number | undefined =>
  Number.isSafeInteger(value) && value >= 0 ? value : undefined;
