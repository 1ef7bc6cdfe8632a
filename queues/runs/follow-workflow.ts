import type { Clock } from "../../src/clock.ts";
import { errorOfRun } from "../../src/dify/dify-error.ts";
import { wasSurelyNotStarted } from "../../src/dify/not-started.ts";
import { decideNext, lost, type NextStep, type RecoveryPolicy, type RunSeen } from "../../src/dify/recovery.ts";
import type { Dify, DifyRunDetail } from "../../src/dify/types.ts";
import { PermanentError, RelayError, TransientError } from "../../src/errors.ts";
import { type RunNode, unheard } from "../../src/ledger/run-nodes.ts";
import { difyUserOf } from "../../src/run-id.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { addWarnings } from "../add-warnings.ts";
import { parkRun } from "../park-run.ts";
import type { RunDesk } from "../run-desk.ts";
import { consumeRunEvents } from "./consume-run-events.ts";
import { type Cost, createCostMeter } from "./cost-meter.ts";
import { getHold } from "./get-hold.ts";
import { doublesWarning, knownOf, submissionOf } from "./known-of.ts";
import { stopDouble } from "./stop-double.ts";
import { hasOverrun, stopOverrun } from "./stop-overrun.ts";
import { tellInputs } from "./tell-inputs.ts";

export type FollowWorkflowDeps = {
  readonly dify: Pick<Dify, "startRun" | "followRun" | "readRun" | "findRuns" | "stopRun">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly policy: RecoveryPolicy;
  /** How long this process has been up, in milliseconds. */
  readonly upMs: () => number;
  /** Made when a run is started, so that a re-attached run needs none. */
  readonly inputs: () => Promise<Readonly<Record<string, unknown>>>;
  /** Told when the app has taken the run, and when it works on it no more; before anything else is done. */
  readonly onAdmitted?: () => Promise<void>;
  readonly onWorkEnded?: () => Promise<void>;
  /**
   * Told of every ending, good or bad, before it is written down; perhaps more than once.
   * @param cost known when the stream was heard from its beginning to its end, and told it
   */
  readonly onFinished?: (detail: DifyRunDetail, cost: Cost | undefined) => void;
};

export type WorkflowProgress =
  /** @property isOutdated whether a newer version of the file has a run by now */
  | { readonly kind: "finished"; readonly detail: DifyRunDetail; readonly isOutdated: boolean }
  | { readonly kind: "postpone"; readonly delayMs: number }
  /** Nobody can tell what became of it: a person is to choose how it goes on. */
  | { readonly kind: "parked" };

/** How often a run that waits for a person is looked at. */
const PAUSED_POLL_MS = 30_000;

/**
 * Brings the workflow run to its end: starts it, or gets hold again of the one that was started.
 * What to do comes from `decideNext`; here each thing is done, written down, and the question asked anew.
 * @throws {RelayError} what Dify or the deadline of the rule say of a run that did not succeed
 */
export async function followWorkflow(deps: FollowWorkflowDeps, desk: RunDesk): Promise<WorkflowProgress> {
  const { clock, log } = deps;
  const user = difyUserOf(desk.run.id);
  // A rule may allow more time than a run is usually waited for.
  const giveUpAfterMs = Math.max(deps.policy.giveUpAfterMs, desk.run.rule.run.timeoutMs);
  const whenAbsent = desk.run.rule.run.whenUntraced === "ask" ? "ask" : deps.policy.whenAbsent;
  const policy: RecoveryPolicy = { ...deps.policy, giveUpAfterMs, whenAbsent };
  let seen: Omit<RunSeen, "nowMs"> = { attachable: true };
  let cost: Cost | undefined;
  for (;;) {
    desk.signal.throwIfAborted();
    const now = { nowMs: clock.now(), upMs: deps.upMs(), chance: deps.random() };
    const next = decideNext(knownOf(desk.run), { ...seen, ...now }, policy);
    // Dify is asked once in any case: the workflow may have ended in good time while nobody listened.
    if (isWaiting(next) && hasOverrun(desk.run, clock.now())) {
      const ended = await stopOverrun(deps, desk, policy.stopAfterMs);
      if (!ended) {
        await parkRun(desk, next.do === "lost" ? next : lost("no_end"));
        return { kind: "parked" };
      }
      if (ended.status === "stopped" || ended.status === "failed") throw timedOut(desk);
      // It came to its end while it was told to stop.
      seen = { ...seen, detail: ended };
      continue;
    }
    switch (next.do) {
      case "start": {
        if (next.again) log.warn("workflow.started_again", { runId: desk.run.id, submissions: desk.run.submissions });
        const heard = await start(deps, desk, user);
        cost = heard.cost;
        seen = { attachable: true, ...(heard.end ? { end: heard.end } : {}) };
        break;
      }
      case "look_up":
      case "adopt":
      case "poll": {
        if (next.do === "poll" && next.afterMs > 0 && !seen.end) await noteSilence(desk);
        const hold = await getHold(deps, desk, next, { status: "running" });
        if (hold.kind === "postpone") return hold;
        seen = { ...seen, ...hold.seen };
        break;
      }
      case "follow":
        seen = await follow(deps, desk, user, seen);
        break;
      case "pause":
        await desk.checkpoint({
          status: "paused",
          workflowStatus: "paused",
          progress: null,
          // The time a person takes is not the workflow's: the rule's limit counts from the last time it was seen waiting.
          submittedAtMs: clock.now(),
          nextAction: `answer its question: relay runs answer ${desk.run.id} shows it; the run goes on by itself`,
        });
        return { kind: "postpone", delayMs: PAUSED_POLL_MS };
      case "finish": {
        const { nodes } = desk.run;
        const failure = errorOfRun(next.detail, nodes.find(({ status }) => status === "failed")?.title);
        await deps.onWorkEnded?.();
        for (const other of next.stopOthers) await stopDouble(deps, { workflowRunId: other, user }, desk.signal);
        deps.onFinished?.(next.detail, cost);
        const isOutdated = await desk.checkpointAndLook({
          spentRunIds: [...desk.run.spentRunIds, ...next.doubles],
          workflowStatus: next.detail.status,
          workflowVersionId: next.detail.workflowId ?? null,
          totalTokens: next.detail.totalTokens,
          progress: null,
          ...addWarnings(desk.run, warningsOf(next.detail, nodes, next.doubles)),
        });
        if (failure) throw failure;
        return { kind: "finished", detail: next.detail, isOutdated };
      }
      case "fail":
        // Nothing runs: a later attempt may start afresh.
        if (!next.started && next.error.failure !== "permanent") await forgetSubmission(desk);
        throw next.error;
      case "lost":
        await parkRun(desk, next);
        log.warn("workflow.lost", { runId: desk.run.id, why: next.why });
        return { kind: "parked" };
      default:
        next satisfies never;
    }
  }
}

/** From the first line on the run may be under way, whatever becomes of us. */
async function start(
  deps: FollowWorkflowDeps,
  desk: RunDesk,
  user: string,
): Promise<{ readonly end?: RunSeen["end"]; readonly cost?: Cost | undefined }> {
  const inputs = await deps.inputs();
  const before = submissionOf(desk.run);
  const submitting = desk.checkpoint({
    status: "running",
    progress: null,
    submittedAtMs: deps.clock.now(),
    submissions: before.submissions + 1,
    sentInputs: tellInputs(inputs, desk.run.rule),
    nodes: [],
  });
  await submitting.catch((error: unknown) => {
    // Such as that the run is to be cancelled, which is told when this is written already: nothing was sent.
    desk.note(before);
    throw error;
  });
  const deadline = openDeadline(deps, desk);
  const meter = createCostMeter();
  let isAdmitted = false;
  try {
    const workflowId = desk.run.pinnedVersionId ?? undefined;
    const events = deps.dify.startRun({ user, inputs, workflowId }, deadline.signal);
    const end = await consumeRunEvents(events, desk, deps.clock, async (event) => {
      meter.hear(event);
      if (isAdmitted || event.kind === "error") return;
      isAdmitted = true;
      await deps.onAdmitted?.();
    });
    if (end) await deps.onWorkEnded?.();
    return { end, cost: end?.event.kind === "finished" ? meter.total() : undefined };
  } catch (error) {
    desk.signal.throwIfAborted();
    if (wasSurelyNotStarted(error)) {
      await forgetSubmission(desk);
      throw ofPinned(desk, error);
    }
    if (!(error instanceof RelayError) || error.code === "lease_lost") throw error;
    deps.log.warn("workflow.stream_broke", {
      runId: desk.run.id,
      workflowRunId: desk.run.workflowRunId,
      code: error.code,
      message: error.message,
    });
    return {};
  } finally {
    deadline.close();
  }
}

/** That one version cannot be run concerns this run alone, and not its rule. */
function ofPinned({ run }: RunDesk, error: unknown): unknown {
  const isAboutVersion = error instanceof RelayError && (error.code === "not_found" || error.code === "plan_required");
  if (run.pinnedVersionId === null || !isAboutVersion) return error;
  return new PermanentError("dify_version_refused", `the version that ran before cannot be run: ${error.message}`, {
    cause: error,
    nextAction: "replay it with the newest version",
  });
}

const forgetSubmission = (desk: RunDesk): Promise<void> =>
  desk.checkpoint({ submittedAtMs: null, submissions: Math.max(0, desk.run.submissions - 1) });

/** Listens to a run that is under way. What breaks here is no failure of the run: its record is asked next. */
async function follow(
  deps: FollowWorkflowDeps,
  desk: RunDesk,
  user: string,
  seen: Omit<RunSeen, "nowMs">,
): Promise<Omit<RunSeen, "nowMs">> {
  const { detail: _stale, ...rest } = seen;
  const deadline = openDeadline(deps, desk);
  try {
    const events = deps.dify.followRun({ workflowRunId: desk.run.workflowRunId ?? "", user }, deadline.signal);
    const end = await consumeRunEvents(events, desk, deps.clock);
    return end ? { ...rest, end, attachable: false } : { ...rest, attachable: false };
  } catch (error) {
    desk.signal.throwIfAborted();
    if (!(error instanceof RelayError) || error.code === "lease_lost") throw error;
    deps.log.debug("workflow.not_followed", { runId: desk.run.id, code: error.code });
    return { ...rest, attachable: false };
  } finally {
    deadline.close();
  }
}

/** Nothing new is known, and time is to pass. */
const isWaiting = (next: NextStep): boolean =>
  next.do === "follow" ||
  next.do === "lost" ||
  (next.do === "start" && next.again) ||
  ((next.do === "poll" || next.do === "look_up") && next.afterMs > 0);

/** A signal that ends at the latest when the rule's time is over, since a run may speak for ever. */
function openDeadline({ clock }: FollowWorkflowDeps, { run, signal }: RunDesk) {
  const over = new AbortController();
  const unneeded = new AbortController();
  const endMs = (run.submittedAtMs ?? clock.now()) + run.rule.run.timeoutMs + 1;
  clock.sleep(Math.max(0, endMs - clock.now()), unneeded.signal).then(
    () => over.abort(new TransientError("run_timed_out", "the time the rule allows is over")),
    () => undefined,
  );
  // With a word: an abort without one makes an error with a stack.
  return { signal: AbortSignal.any([signal, over.signal]), close: () => unneeded.abort("unneeded") };
}

const timedOut = ({ run }: RunDesk): PermanentError =>
  new PermanentError(
    "run_timed_out",
    `the workflow took longer than the ${Math.round(run.rule.run.timeoutMs / 1_000)} s the rule allows, and was stopped`,
    { nextAction: "look at the run in Dify, raise run.timeout in the rule if it needs longer, then replay" },
  );

const UNHEARD = "not heard live; its record in Dify is looked at";

/** Without a stream only the run's record tells how it fares, and that knows of no nodes. */
async function noteSilence(desk: RunDesk): Promise<void> {
  if (desk.run.status !== "running" || desk.run.progress === UNHEARD) return;
  await desk.checkpoint({ progress: UNHEARD, nodes: unheard(desk.run.nodes) });
}

function warningsOf(detail: DifyRunDetail, nodes: readonly RunNode[], doubles: readonly string[]): readonly string[] {
  const handled = nodes.filter(({ status }) => status === "exception").map(({ title }) => `"${title}"`);
  return [
    ...(detail.status === "partial-succeeded"
      ? [`${handled.join(", ") || "a node"} of the workflow failed and was handled: outputs may be partial`]
      : []),
    ...(doubles.length > 0 ? [doublesWarning(doubles)] : []),
  ];
}
