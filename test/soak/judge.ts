import { meanOf, type Point, quantileOf, slopePerHour } from "./statistics.ts";

/** What a series may grow by in an hour, whichever is more. */
export type Allowance = { readonly partOfMean: number; readonly absolute: number };

export type Verdict = {
  /** `too_short`: the time after warm-up is too short to tell growth from chance. `told`: growth is not judged. */
  readonly kind: "flat" | "grows" | "too_short" | "told";
  /** Medians of the first and the last tenth after warm-up. */
  readonly first: number;
  readonly last: number;
  readonly most: number;
  /** Per hour, after warm-up; undefined where there are too few points. */
  readonly slope: number | undefined;
  /** What the slope may be; undefined where it is not judged. */
  readonly allowed: number | undefined;
};

/** A slope over less than this is mostly chance. */
export const SHORTEST_SPAN_MS = 15 * 60_000;

/**
 * Whether a series grows. Falling is no fault.
 * @param points in the order of time
 * @param allowance undefined: the series is told, not judged
 * @returns undefined when there is no point after warm-up
 */
export function judge(
  points: readonly Point[],
  warmUntilMs: number,
  allowance: Allowance | undefined,
): Verdict | undefined {
  const warm = points.filter(({ atMs }) => atMs >= warmUntilMs);
  const [begin] = warm;
  const end = warm.at(-1);
  if (!begin || !end) return undefined;
  const values = warm.map(({ value }) => value);
  const tenth = Math.max(1, Math.floor(values.length / 10));
  const slope = slopePerHour(warm);
  const allowed =
    allowance === undefined ? undefined : Math.max(allowance.absolute, allowance.partOfMean * Math.abs(meanOf(values)));
  const isShort = end.atMs - begin.atMs < SHORTEST_SPAN_MS;
  return {
    kind:
      allowed === undefined
        ? "told"
        : isShort || slope === undefined
          ? "too_short"
          : slope > allowed
            ? "grows"
            : "flat",
    first: quantileOf(values.slice(0, tenth), 0.5) ?? 0,
    last: quantileOf(values.slice(-tenth), 0.5) ?? 0,
    most: Math.max(...values),
    slope,
    allowed,
  };
}
