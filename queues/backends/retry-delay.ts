import { TransientError } from "../../src/errors.ts";

export type RetryDelayOptions = {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly baseMs: number;
  readonly ceilingMs: number;
};

/**
 * How long a failed job waits: as long as the upstream asked for, else doubling up to a ceiling.
 * Between half of that and all of it, so that jobs which failed together do not return together.
 * @param attempt the one that failed, from 1
 * @returns whole milliseconds, at least 1
 */
export function retryDelayMs(
  attempt: number,
  error: unknown,
  { random, baseMs, ceilingMs }: RetryDelayOptions,
): number {
  if (error instanceof TransientError && error.retryAfterMs !== undefined) {
    return Math.max(1, Math.ceil(error.retryAfterMs));
  }
  const fullMs = Math.min(ceilingMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(1, Math.round(fullMs * (0.5 + random() / 2)));
}
