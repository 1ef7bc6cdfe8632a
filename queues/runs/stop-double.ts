import type { Dify } from "../../src/dify/types.ts";
import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { findTask } from "./find-task.ts";

/** Tries to stop a workflow run that should not exist. Best effort: Dify itself promises no more. */
export async function stopDouble(
  { dify, log }: { readonly dify: Pick<Dify, "followRun" | "stopRun">; readonly log: Log },
  double: { readonly workflowRunId: string; readonly user: string },
  signal: AbortSignal,
): Promise<void> {
  const { workflowRunId, user } = double;
  try {
    const taskId = await findTask(dify, double, signal);
    if (taskId === undefined) {
      log.warn("workflow.double_not_stopped", { workflowRunId, message: "its events told no task" });
      return;
    }
    await dify.stopRun({ taskId, user }, signal);
    log.warn("workflow.double_stopped", { workflowRunId });
  } catch (error) {
    signal.throwIfAborted();
    log.warn("workflow.double_not_stopped", { workflowRunId, message: messageOf(error) });
  }
}
