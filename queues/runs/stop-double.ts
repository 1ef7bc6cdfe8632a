import type { Dify } from "../../src/dify/types.ts";
import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";

const LISTEN_MS = 5_000;

/**
 * Tries to stop a workflow run that should not exist. Only its events tell the task id that stopping needs.
 * Best effort: Dify itself promises no more.
 */
export async function stopDouble(
  { dify, log }: { readonly dify: Pick<Dify, "followRun" | "stopRun">; readonly log: Log },
  double: { readonly workflowRunId: string; readonly user: string },
  signal: AbortSignal,
): Promise<void> {
  const listening = AbortSignal.any([signal, AbortSignal.timeout(LISTEN_MS)]);
  try {
    for await (const event of dify.followRun(double, listening)) {
      if (event.kind !== "handles" || event.taskId === undefined) continue;
      await dify.stopRun({ taskId: event.taskId, user: double.user }, listening);
      log.warn("workflow.double_stopped", { workflowRunId: double.workflowRunId });
      return;
    }
  } catch (error) {
    signal.throwIfAborted();
    log.warn("workflow.double_not_stopped", {
      workflowRunId: double.workflowRunId,
      message: messageOf(error),
    });
  }
}
