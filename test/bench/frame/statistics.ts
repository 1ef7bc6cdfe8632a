/**
 * The value below which this share of the numbers lies, linear between neighbours; NaN when there are none.
 * @param share from 0, the lowest, to 1, the highest
 */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = Float64Array.from(numbers).sort();
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] ?? Number.NaN;
  const above = sorted[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place - Math.floor(place));
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5);

/** Median, lowest and highest of what was measured in rounds, as a row has them. */
export const inRounds = (
  numbers: readonly number[],
): { readonly value: number; readonly spread: readonly [number, number] } => ({
  value: median(numbers),
  spread: [quantile(numbers, 0), quantile(numbers, 1)],
});

/** Each number by the one of the same round. */
export const ratios = (numbers: readonly number[], ceilings: readonly number[]): readonly number[] =>
  numbers.map((number, round) => number / (ceilings[round] ?? Number.NaN));
