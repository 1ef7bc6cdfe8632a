import type { RunRow } from "../ledger/schema.ts";

/** What is told of a finished run, wherever runs are printed as JSON. */
export type RunResult = {
  readonly run: string;
  readonly file: string;
  readonly status: string;
  readonly share: string | null;
  readonly workflowRun: string | null;
  /** Milliseconds from the event to the end. */
  readonly ms: number | null;
};

export function runResult(run: RunRow): RunResult {
  return {
    run: run.id,
    file: run.fileName,
    status: run.status,
    share: run.shareUrl,
    workflowRun: run.workflowRunId,
    ms: run.finishedAtMs === null ? null : run.finishedAtMs - run.createdAtMs,
  };
}

const FINISHED: ReadonlySet<string> = new Set(["delivered", "failed", "cancelled", "skipped"]);

/** Nothing more will happen to it by itself. */
export const isFinished = (run: Pick<RunRow, "status">): boolean => FINISHED.has(run.status);
/** It waits for a person. */
export const isWaitingForPerson = (run: Pick<RunRow, "status">): boolean =>
  run.status === "held" || run.status === "paused";
