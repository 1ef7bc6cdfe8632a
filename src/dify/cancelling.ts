import {
  ENDED,
  pauseFor,
  type RecoveryPolicy,
  type RunKnown,
  type RunSeen,
  type SeekStep,
  seek,
  waitedOf,
} from "./recovery.ts";
import type { DifyRunDetail } from "./types.ts";

/** What this worker saw and did since it took up the cancelling. Everything but the time begins empty. */
export type CancelSeen = Pick<RunSeen, "nowMs" | "rows" | "detail" | "askedMs" | "chance"> & {
  /** Whether the run's events cannot be listened to, as in generations of Dify that know no such thing. */
  readonly isMute?: boolean | undefined;
  /** When Dify was first asked to stop; milliseconds. */
  readonly stopAskedAtMs?: number | undefined;
};

/** What became of the workflow run of a run that was cancelled: no more than is known. */
export type CancelEnd =
  /** It was never asked for. */
  | "not_started"
  /** Asked for, and Dify has shown no trace of it for so long that it hardly began. */
  | "no_trace"
  /** Its record vanished. */
  | "record_gone"
  /** Dify says that it stopped. */
  | "stopped"
  /** It had come to an end of its own. */
  | "had_ended"
  /** Dify was asked, and its record still says that the run goes on. */
  | "unconfirmed"
  /** Stopping needs a task id, which nothing told. */
  | "unstoppable";

export type CancelStep =
  | SeekStep
  /** `followRun`, until it tells the task id or nothing for a while; then `readRun` anew. */
  | { readonly do: "seek_task" }
  /** `stopRun`. */
  | { readonly do: "stop"; readonly taskId: string }
  | { readonly do: "end"; readonly as: CancelEnd; readonly detail?: DifyRunDetail };

/** Pauses between two looks at a record that should change soon. */
const CONFIRM_PAUSE_MS = { shortest: 250, longest: 2_000 } as const;

/**
 * The rules for stopping the workflow run of a run that is cancelled. Dify answers every wish to stop with success,
 * so only the record tells what became of it. Pure, like `decideNext`: do the one thing told, write it down, ask again.
 *
 * @param known `taskId` when a stream told it
 */
export function decideCancel(
  known: RunKnown & { readonly taskId?: string | undefined },
  seen: CancelSeen,
  policy: RecoveryPolicy,
): CancelStep {
  const { submittedAtMs, workflowRunId, spentRunIds = [] } = known;
  if (submittedAtMs === undefined && workflowRunId === undefined) return { do: "end", as: "not_started" };
  const waitedMs = waitedOf(seen, submittedAtMs ?? 0);
  const patienceMs = policy.absentAfterMs - waitedMs;

  if (workflowRunId === undefined) {
    // It may wait in Dify's queue, which nobody can see: only once it has begun can it be stopped.
    return seek(seen, spentRunIds, waitedMs, policy) ?? { do: "end", as: "no_trace" };
  }

  const { detail, stopAskedAtMs } = seen;
  if (detail === undefined) return { do: "poll", afterMs: 0 };
  if (detail === "absent") {
    if (patienceMs <= 0) return { do: "end", as: "record_gone" };
    return { do: "poll", afterMs: Math.min(pauseFor(waitedMs / 10, policy.pollPauseMs, seen.chance), patienceMs) };
  }
  if (ENDED.has(detail.status)) {
    // The engine's word for a stop is "stopped" in the record and may be "failed" as well.
    const byUs = detail.status === "stopped" || (detail.status === "failed" && stopAskedAtMs !== undefined);
    return { do: "end", as: byUs ? "stopped" : "had_ended", detail };
  }
  if (stopAskedAtMs !== undefined) {
    const askedMs = Math.max(0, seen.nowMs - stopAskedAtMs);
    if (askedMs >= policy.stopAfterMs) return { do: "end", as: "unconfirmed", detail };
    return { do: "poll", afterMs: pauseFor(askedMs / 2, CONFIRM_PAUSE_MS, seen.chance) };
  }
  if (known.taskId !== undefined) return { do: "stop", taskId: known.taskId };
  // The task is told with whatever happens next in the run: a long node is waited for.
  const isHopeless = seen.isMute === true || waitedMs > policy.giveUpAfterMs;
  return isHopeless ? { do: "end", as: "unstoppable", detail } : { do: "seek_task" };
}
