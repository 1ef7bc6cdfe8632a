import { RelayError, TransientError } from "../src/errors.ts";

/** What follows from a failure at one step of a run. */
export type FailureDecision =
  /** Again later; this attempt is burnt. */
  | { readonly do: "retry"; readonly delayMs: number }
  /** Again later; the upstream is busy, which is nobody's failure. */
  | { readonly do: "wait"; readonly delayMs: number }
  /** Nothing of this rule can work until a person changes something. */
  | { readonly do: "pause_rule" }
  | { readonly do: "fail" }
  /** What the run is about does not exist any more. */
  | { readonly do: "cancel" };

/** Attempts at one step before the relay gives up: with the delays below about an hour and a half of outage. */
export const MAX_ATTEMPTS = 24;
const BASE_DELAY_MS = 1_000;
const MAX_DELAY_MS = 300_000;
/** How long to leave a busy upstream alone when it does not say. */
const THROTTLED_DELAY_MS = 3_000;

/**
 * One table for all failures. An error that is not ours is a fault of the relay or its database:
 * it is tried again like an outage, so that nothing is lost to it.
 *
 * @param failures burnt attempts at this step, the present one not counted
 * @param random between 0 and 1
 */
export function decideFailure(error: unknown, failures: number, random: () => number): FailureDecision {
  if (error instanceof RelayError) {
    switch (error.failure) {
      case "throttled":
        return {
          do: "wait",
          delayMs: spread(Math.max(retryAfterOf(error) ?? THROTTLED_DELAY_MS, BASE_DELAY_MS), random),
        };
      case "misconfigured":
        return { do: "pause_rule" };
      case "gone":
        return { do: "cancel" };
      case "permanent":
        return { do: "fail" };
      case "transient":
        break;
      default:
        error.failure satisfies never;
    }
  }
  if (failures + 1 >= MAX_ATTEMPTS) return { do: "fail" };
  const doubled = Math.min(BASE_DELAY_MS * 2 ** failures, MAX_DELAY_MS);
  // Proxies that ask for a second do so for as long as an outage lasts: the attempts would be used up in half a minute.
  return { do: "retry", delayMs: Math.max(retryAfterOf(error) ?? 0, spread(doubled, random)) };
}

function retryAfterOf(error: unknown): number | undefined {
  return error instanceof TransientError ? error.retryAfterMs : undefined;
}

/** Up to a quarter more, so that jobs that failed together do not come back together. */
function spread(delayMs: number, random: () => number): number {
  return Math.round(delayMs * (1 + random() / 4));
}
