import type { RunSummary } from "../../handlers/run-schemas.ts";
import { runNote } from "../dashboard/run-note.ts";
import type { RunRow } from "../ledger/schema.ts";
import { spanOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";

/** What is told of a run, wherever runs are printed as JSON. */
export type RunResult = {
  readonly run: string;
  /** Of a batch, the first. */
  readonly file: string;
  readonly moreFiles: number;
  readonly rule: string;
  readonly status: string;
  readonly share: string | null;
  readonly workflowRun: string | null;
  readonly error: string | null;
  readonly createdAtMs: number;
  /** Milliseconds from the event to the end. */
  readonly ms: number | null;
};

export const resultOf = (
  run: Pick<RunSummary, Exclude<keyof RunResult, "run" | "ms"> | "id" | "finishedAtMs">,
): RunResult => ({
  run: run.id,
  file: run.file,
  moreFiles: run.moreFiles,
  rule: run.rule,
  status: run.status,
  share: run.share,
  workflowRun: run.workflowRun,
  error: run.error,
  createdAtMs: run.createdAtMs,
  ms: run.finishedAtMs === null ? null : run.finishedAtMs - run.createdAtMs,
});

/** How a run gets on, behind its status: how long it took, what is wrong, or what is being done. */
export function howItGoes(
  run: Pick<RunSummary, "status" | "error" | "progress" | "share" | "createdAtMs" | "finishedAtMs">,
): string {
  if (run.status === "delivered") {
    const took = `in ${spanOf((run.finishedAtMs ?? run.createdAtMs) - run.createdAtMs)}`;
    return run.share === null ? took : `${took}  ${plain(run.share)}`;
  }
  return plain(runNote(run));
}

const FINISHED: ReadonlySet<string> = new Set(["delivered", "failed", "cancelled", "skipped"]);

/** Nothing more will happen to it by itself. */
export const isFinished = (run: Pick<RunRow, "status">): boolean => FINISHED.has(run.status);
/** It waits for a person. */
export const isWaitingForPerson = (run: Pick<RunRow, "status">): boolean =>
  run.status === "held" || run.status === "paused";
