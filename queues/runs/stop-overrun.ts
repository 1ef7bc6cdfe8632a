import type { Clock } from "../../src/clock.ts";
import { ENDED } from "../../src/dify/recovery.ts";
import type { Dify, DifyRunDetail } from "../../src/dify/types.ts";
import type { RunRow } from "../../src/ledger/schema.ts";
import { messageOf } from "../../src/message-of.ts";
import { difyUserOf } from "../../src/run-id.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { RunDesk } from "../run-desk.ts";
import { findTask } from "./find-task.ts";

export type StopOverrunDeps = {
  readonly dify: Pick<Dify, "followRun" | "readRun" | "stopRun">;
  readonly clock: Clock;
  readonly log: Log;
};

const ASK_EVERY_MS = 250;

/** Whether a workflow run that is known has had more time than its rule allows. */
export const hasOverrun = ({ submittedAtMs, workflowRunId, rule }: RunRow, nowMs: number): boolean =>
  submittedAtMs !== null && workflowRunId !== null && nowMs - submittedAtMs > rule.run.timeoutMs;

/**
 * Tells a workflow run to stop, and waits a while for the record to say that it ended.
 * @param confirmMs how long
 * @returns how it ended, or undefined when Dify does not say that it did
 */
export async function stopOverrun(
  { dify, clock, log }: StopOverrunDeps,
  desk: RunDesk,
  confirmMs: number,
): Promise<DifyRunDetail | undefined> {
  const { run, signal } = desk;
  const workflowRunId = run.workflowRunId ?? "";
  const user = difyUserOf(run.id);
  try {
    const taskId = run.taskId ?? (await findTask(dify, { workflowRunId, user }, signal));
    if (taskId !== undefined) await dify.stopRun({ taskId, user }, signal);
  } catch (error) {
    signal.throwIfAborted();
    log.warn("workflow.not_stopped", { runId: run.id, message: messageOf(error) });
  }
  const untilMs = clock.now() + confirmMs;
  for (;;) {
    const detail = await dify.readRun(workflowRunId, signal);
    if (detail && ENDED.has(detail.status)) return detail;
    if (clock.now() >= untilMs) return undefined;
    await clock.sleep(ASK_EVERY_MS, signal);
  }
}
