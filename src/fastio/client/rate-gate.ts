import type { Clock } from "../../clock.ts";
import { TransientError } from "../../errors.ts";
import { serverTimeMs } from "../../http/retry-after.ts";
import type { OutboundResponse, Send } from "../../http/types.ts";
import type { Log } from "../../telemetry/log.ts";
import { LONGEST_WINDOW_MS, readMostRequests, readRequestsLeft, readWindowEndMs } from "./rate-limit.ts";

/** Keeps requests back while the server's window for them is known to be closed. */
export type RateGate = {
  /** @param longestWaitMs longer waits are not waited out here: they reject as `rate_limited`, nothing was sent */
  guard(send: Send, longestWaitMs: number): Send;
};

/** Answers tell the end of a window to the second; what it lies further away than before is more than that. */
const PUT_BACK_MS = 5_000;

/**
 * One gate serves one key. It knows only what answers told: how many requests are left, how many there are in a
 * window, and when the window ends. Requests under way count as used, since their answers have not told yet.
 */
export function createRateGate({ clock, log }: { readonly clock: Clock; readonly log: Log }): RateGate {
  /** Undefined: nothing known, all may pass. */
  let left: number | undefined;
  let most: number | undefined;
  let endsAtMs = 0;
  /** The same by the server's clock, as told last. */
  let endThereMs = 0;
  let windowMs = 0;
  let underWay = 0;

  const turnWindow = (): void => {
    const now = clock.now();
    // Further away than it ever was, it is by a clock that was put back since.
    if (endsAtMs - now > windowMs + PUT_BACK_MS) endsAtMs = now + windowMs;
    if (left === undefined || now < endsAtMs) return;
    // The next window is taken to be like the last one, until an answer says what it is like.
    left = most;
    endsAtMs = now + windowMs;
  };

  const learn = (response: OutboundResponse): void => {
    const now = clock.now();
    const end = readWindowEndMs(response.headers);
    const leftMs = (end ?? 0) - serverTimeMs(response.headers, now);
    if (end === undefined || leftMs <= 0) return;
    const told = response.status === 429 ? 0 : readRequestsLeft(response.headers);
    if (told === undefined) return;
    const estimate = Math.max(0, told - underWay);
    const sameWindow = end === endThereMs && left !== undefined;
    left = sameWindow ? Math.min(left ?? estimate, estimate) : estimate;
    most = readMostRequests(response.headers) ?? most;
    endThereMs = end;
    endsAtMs = now + Math.min(leftMs, LONGEST_WINDOW_MS);
    windowMs = sameWindow ? windowMs : endsAtMs - now;
    if (left === 0) log.warn("fastio.rate_limit.closed", { forMs: endsAtMs - now });
  };

  return {
    guard: (send, longestWaitMs) => async (request, signal) => {
      for (turnWindow(); left === 0; turnWindow()) {
        const waitMs = Math.max(1, endsAtMs - clock.now());
        if (waitMs > longestWaitMs) {
          throw new TransientError("rate_limited", `${request.operation}: the rate limit is used up`, {
            failure: "throttled",
            operation: request.operation,
            retryAfterMs: waitMs,
          });
        }
        await clock.sleep(waitMs, signal);
      }
      if (left !== undefined) left -= 1;
      underWay += 1;
      try {
        const response = await send(request, signal);
        underWay -= 1;
        learn(response);
        return response;
      } catch (error) {
        underWay -= 1;
        throw error;
      }
    },
  };
}
