import { TransientError } from "../errors.ts";

const SHORTEST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * How long to wait after some failures in a row: doubling with jitter, and never less than the upstream asked for.
 * @param failures 1 after the first
 */
export function backoffMs(failures: number, error: unknown, random: () => number): number {
  const doubled = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(failures - 1, 20));
  const wish = error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(wish, doubled * (0.5 + random() / 2));
}
