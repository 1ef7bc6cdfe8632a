import type { Clock } from "../clock.ts";
import { TransientError } from "../errors.ts";
import { discard } from "./readers.ts";
import { parseRetryAfter, serverTimeMs } from "./retry-after.ts";
import type { OutboundResponse, Send } from "./types.ts";

export type RetryDeps = { readonly clock: Clock; readonly random: () => number };

export type RetryOptions = {
  /** Milliseconds before each further attempt, at most; the length says how many there are. */
  readonly schedule?: readonly number[];
  /** The longest wish of an upstream that is waited out here, in milliseconds; longer ones belong to the queue. */
  readonly longestWaitMs?: number;
  /** Statuses that may be different next time, beyond those that are for every upstream. */
  readonly passing?: readonly number[];
  /** Reads the wish from an answer; by default its `Retry-After`. */
  readonly readWaitMs?: (response: OutboundResponse, nowMs: number) => number | undefined;
};

/** Statuses that may be different next time. */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Tries `repeatable` requests again after failures that may pass, a few times and within moments; others only after
 * a 429, and only where that means that nothing was done.
 *
 * The last answer is handed up whatever its status, and so is one that asks for a longer wait than ours:
 * the upstream's own table turns it into an error with `retryAfterMs`.
 */
export function withRetry(send: Send, { clock, random }: RetryDeps, options: RetryOptions = {}): Send {
  const { schedule = [200, 800], longestWaitMs = 2_000, readWaitMs = retryAfterOf, passing = [] } = options;
  const mayPass = (status: number): boolean => PASSING.has(status) || passing.includes(status);
  return async (request, signal) => {
    if (!request.repeatable && request.undoneBy429 !== true) return send(request, signal);
    for (const longest of schedule) {
      // Half of the wait is jitter, so that clients that failed together do not come back together.
      const pause = longest * (0.5 + random() / 2);
      let wish: number | undefined;
      try {
        const response = await send(request, signal);
        if (!mayPass(response.status) || (!request.repeatable && response.status !== 429)) return response;
        wish = readWaitMs(response, clock.now());
        if (wish !== undefined && wish > longestWaitMs) return response;
        await discard(response);
      } catch (error) {
        if (!(error instanceof TransientError) || !request.repeatable) throw error;
        wish = error.retryAfterMs;
        if (wish !== undefined && wish > longestWaitMs) throw error;
      }
      await clock.sleep(Math.max(pause, wish ?? 0), signal);
    }
    return send(request, signal);
  };
}

const retryAfterOf = (response: OutboundResponse, nowMs: number): number | undefined =>
  parseRetryAfter(response.headers["retry-after"], serverTimeMs(response.headers, nowMs));
