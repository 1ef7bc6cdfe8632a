import { RelayError, TransientError } from "../src/errors.ts";
import { setRuleState } from "../src/ledger/rule-state-queries.ts";
import type { RunQueue } from "../src/ledger/schema.ts";
import { messageOf } from "../src/message-of.ts";
import type { JobOutcome } from "./backend.ts";
import { decideFailure } from "./failure-policy.ts";
import type { OpenDesk, RunDeskDeps } from "./open-desk.ts";

/** Somebody asked for it at the last moment: then nothing is waited for. */
export const isToBeCancelled = ({ face: { run } }: OpenDesk): boolean => run.cancelAskedAtMs !== null;

/**
 * Writes down what a failure means for its run, and gives the run back.
 * @param queue the one that the work was done for
 * @throws what the queue is to count and show
 */
export async function settleFailure(
  deps: RunDeskDeps,
  desk: OpenDesk,
  queue: RunQueue,
  error: unknown,
): Promise<JobOutcome> {
  const { clock, db, log } = deps;
  const { run } = desk.face;
  if (run.finishedAtMs !== null || run.queue !== queue) {
    // How it ended, or who goes on, is written down; only the giving back failed, as when the ledger was away.
    await desk.leave({});
    log.warn("run.left_again", { runId: run.id, status: run.status, message: messageOf(error) });
    return { kind: "done" };
  }
  const decision = decideFailure(error, run.failures, deps.random);
  const fault = {
    errorCode: error instanceof RelayError ? error.code : "fault",
    errorMessage: messageOf(error),
    errorStep: desk.failedStep() ?? null,
    nextAction: error instanceof RelayError ? (error.nextAction ?? null) : null,
  };
  switch (decision.do) {
    case "retry": {
      const notBeforeMs = clock.now() + decision.delayMs;
      await desk.leave({ ...fault, failures: run.failures + 1 }, { notBeforeMs, for: "backoff" });
      if (isToBeCancelled(desk)) return { kind: "later", atMs: clock.now() };
      // Thrown, so that the queue counts and shows it; the delay is the one decided here.
      throw new TransientError(error instanceof RelayError ? error.code : "upstream_unavailable", fault.errorMessage, {
        cause: error,
        retryAfterMs: decision.delayMs,
      });
    }
    case "wait": {
      const notBeforeMs = clock.now() + decision.delayMs;
      await desk.leave({}, { notBeforeMs, for: "busy" });
      return { kind: "later", atMs: isToBeCancelled(desk) ? clock.now() : notBeforeMs };
    }
    case "pause_rule": {
      await setRuleState(db, {
        ruleName: run.ruleName,
        state: "paused",
        reason: fault.errorMessage,
        nextAction: fault.nextAction,
        changedBy: "relay",
        sinceMs: clock.now(),
      });
      await desk.leave({ ...fault, status: "held", queue: null });
      log.error("rule.paused", { ruleName: run.ruleName, code: fault.errorCode, message: fault.errorMessage });
      return { kind: "done" };
    }
    case "cancel":
    case "fail": {
      const status = decision.do === "fail" ? "failed" : "cancelled";
      const isGivenUp = decision.do === "fail" && !(error instanceof RelayError && !error.retryable);
      const nextAction = fault.nextAction ?? (isGivenUp ? "see what is wrong there, then replay the run" : null);
      await desk.leave({ ...fault, nextAction, status, queue: null, progress: null, finishedAtMs: clock.now() });
      log.error("run.ended", { runId: run.id, status, code: fault.errorCode, message: fault.errorMessage });
      return { kind: "done" };
    }
    default:
      return decision satisfies never;
  }
}
