/** One value of a series. Milliseconds of one clock, whichever it is. */
export type Point = { readonly atMs: number; readonly value: number };

const HOUR_MS = 3_600_000;

/** By how much a series grows in an hour, by least squares; undefined where the points tell no slope. */
export function slopePerHour(points: readonly Point[]): number | undefined {
  const meanMs = meanOf(points.map(({ atMs }) => atMs));
  const mean = meanOf(points.map(({ value }) => value));
  let spread = 0;
  let joint = 0;
  for (const { atMs, value } of points) {
    spread += (atMs - meanMs) ** 2;
    joint += (atMs - meanMs) * (value - mean);
  }
  return spread === 0 ? undefined : (joint / spread) * HOUR_MS;
}

/** 0 of none. */
export const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** The value that this part of all values does not exceed (nearest rank); undefined of none. @param part from 0 to 1 */
export function quantileOf(values: readonly number[], part: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
}
