import type { Clock } from "../../src/clock.ts";
import { type CancelEnd, type CancelSeen, decideCancel } from "../../src/dify/cancelling.ts";
import type { RecoveryPolicy } from "../../src/dify/recovery.ts";
import type { Dify, DifyRunDetail } from "../../src/dify/types.ts";
import { RelayError } from "../../src/errors.ts";
import { NOT_STARTED } from "../../src/ledger/tell-cancelled.ts";
import { messageOf } from "../../src/message-of.ts";
import { difyUserOf } from "../../src/run-id.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { CancelProgress, RunDesk } from "../run-desk.ts";
import { findTask } from "./find-task.ts";
import { getHold } from "./get-hold.ts";
import { knownOf } from "./known-of.ts";

export type CancelWorkflowDeps = {
  readonly dify: Pick<Dify, "followRun" | "readRun" | "findRuns" | "stopRun">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly policy: RecoveryPolicy;
};

/**
 * Stops the workflow run of a run that is to be cancelled, looking for it first if need be. What to do comes from
 * `decideCancel`; whoever dies here is followed by one who asks it anew, since asking Dify twice to stop does no harm.
 */
export async function cancelWorkflow(deps: CancelWorkflowDeps, desk: RunDesk): Promise<CancelProgress> {
  const { dify, clock, random, log, policy } = deps;
  const user = difyUserOf(desk.run.id);
  let seen: Omit<CancelSeen, "nowMs"> = {};
  for (;;) {
    desk.signal.throwIfAborted();
    const known = { ...knownOf(desk.run), taskId: desk.run.taskId ?? undefined };
    const next = decideCancel(known, { ...seen, nowMs: clock.now(), chance: random() }, policy);
    switch (next.do) {
      case "look_up":
      case "adopt":
      case "poll": {
        const hold = await getHold(deps, desk, next, {});
        if (hold.kind === "postpone") return hold;
        seen = { ...seen, ...hold.seen };
        break;
      }
      case "seek_task": {
        const sought = await seekTask(deps, desk, user);
        if (sought.taskId !== undefined) await desk.checkpoint({ taskId: sought.taskId });
        // Its events tell the task with the next thing that happens; the record says meanwhile whether any will.
        const { detail: _stale, ...rest } = seen;
        seen = { ...rest, isMute: sought.isMute };
        break;
      }
      case "stop":
        await dify.stopRun({ taskId: next.taskId, user }, desk.signal);
        log.info("workflow.stop_asked", { runId: desk.run.id, workflowRunId: desk.run.workflowRunId });
        seen = { ...seen, stopAskedAtMs: clock.now() };
        break;
      case "end":
        if (next.detail) await desk.checkpoint({ workflowStatus: next.detail.status });
        return { kind: "cancelled", note: sayEnd(next.as, next.detail) };
      default:
        next satisfies never;
    }
  }
}

async function seekTask(
  { dify, log }: CancelWorkflowDeps,
  desk: RunDesk,
  user: string,
): Promise<{ readonly taskId?: string | undefined; readonly isMute: boolean }> {
  try {
    const taskId = await findTask(dify, { workflowRunId: desk.run.workflowRunId ?? "", user }, desk.signal);
    return { taskId, isMute: false };
  } catch (error) {
    desk.signal.throwIfAborted();
    if (!(error instanceof RelayError) || error.retryable) throw error;
    log.warn("workflow.task_not_found", { runId: desk.run.id, message: messageOf(error) });
    return { isMute: true };
  }
}

/** No more than is known. */
function sayEnd(end: CancelEnd, detail: DifyRunDetail | undefined): string {
  switch (end) {
    case "not_started":
      return NOT_STARTED;
    case "no_trace":
      return "Dify shows no trace of the workflow run that was asked for; should it still wait in Dify's queue, it will run and its outputs will not be delivered";
    case "record_gone":
      return "Dify holds no record of the workflow run any more";
    case "stopped":
      return "Dify confirmed that the workflow run stopped";
    case "had_ended":
      return `the workflow run had ended already (${detail?.status}); its outputs were not delivered`;
    case "unconfirmed":
      return "Dify was asked to stop the workflow run and has not confirmed it; it may go on there, and its outputs will not be delivered";
    case "unstoppable":
      return "Dify did not tell what is needed to stop the workflow run; it goes on there, and its outputs will not be delivered";
    default:
      return end satisfies never;
  }
}
