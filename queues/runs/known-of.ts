import type { RunKnown } from "../../src/dify/recovery.ts";
import type { RunRow } from "../../src/ledger/schema.ts";

/** Longer waits for Dify than this are spent outside the worker, which others may use meanwhile. */
export const MAX_WAIT_INSIDE_MS = 5_000;

/** What the ledger knows of a run's execution in Dify. */
export function knownOf(run: RunRow): RunKnown {
  return {
    submittedAtMs: run.submittedAtMs ?? undefined,
    submissions: Math.max(1, run.submissions),
    spentRunIds: run.spentRunIds,
    workflowRunId: run.workflowRunId ?? undefined,
  };
}

/** What a run says of being sent to Dify: written down before it is, so taken back when it is not. */
export const submissionOf = ({ submittedAtMs, submissions, sentInputs }: RunRow) => ({
  submittedAtMs,
  submissions,
  sentInputs,
});

/** @param ids workflow runs that should not exist */
export const doublesWarning = (ids: readonly string[]): string =>
  `Dify ran this more than once: also ${ids.join(", ")}`;
