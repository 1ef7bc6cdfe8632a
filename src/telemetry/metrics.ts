import type { FailureClass } from "../errors.ts";

export type DeliveryRoute = "fastio" | "edge";

/** How one call to an upstream ended, as far as the head of its answer. */
export type CallOutcome =
  | "ok"
  | "throttled"
  | "client_error"
  | "server_error"
  | "connect_failed"
  | "connection_lost"
  | "timed_out"
  | "aborted"
  | "refused";

export type CallTold = {
  /** `fastio.share.create`; its first part names the upstream. */
  readonly operation: string;
  readonly outcome: CallOutcome;
  /** Milliseconds until the head of the answer was here, or the failure. */
  readonly ms: number;
};

export type AttemptTold = {
  readonly step: string;
  readonly outcome: "done" | "later" | "failed";
  /** undefined when nothing failed; `fault` is one of the relay itself. */
  readonly failure: FailureClass | "fault" | undefined;
  /** Milliseconds between the time it could have begun and the time it did. */
  readonly waitMs: number;
  readonly workMs: number;
};

/** What the relay counts of its own doing, told where it happens. Must not throw, and is never waited for. */
export type Metrics = {
  /** @param verdict as the ledger has it, or `unavailable` when it could not commit */
  deliveryJudged(route: DeliveryRoute, verdict: string): void;
  /** A request with deliveries was answered. @param ms from its head to our answer */
  acknowledged(route: DeliveryRoute, ms: number): void;
  /** A rule did not want an event. @param rule `*`: no rule was asked. @param reason a word, one of few */
  dropped(rule: string, reason: string): void;
  attempted(attempt: AttemptTold): void;
  /** A worker brought a run to its end. @param ms since it was made */
  runEnded(rule: string, status: string, ms: number): void;
  called(call: CallTold): void;
  /** Bytes of a file that went through: `in` from Fast.io to Dify, `out` from Dify to Fast.io. */
  fileMoved(direction: "in" | "out", bytes: number): void;
  tokensUsed(rule: string, tokens: number): void;
};

/** For callers that have nobody to tell. */
export const silentMetrics: Metrics = {
  deliveryJudged: () => {},
  acknowledged: () => {},
  dropped: () => {},
  attempted: () => {},
  runEnded: () => {},
  called: () => {},
  fileMoved: () => {},
  tokensUsed: () => {},
};
