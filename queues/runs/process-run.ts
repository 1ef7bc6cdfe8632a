import type { RecoveryPolicy } from "../../src/dify/recovery.ts";
import type { Dify, DifyRunDetail } from "../../src/dify/types.ts";
import { TransientError } from "../../src/errors.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { findPausedApp, waitsForPausedApp } from "../../src/ledger/app-states.ts";
import { countRun, dayOf } from "../../src/ledger/budgets.ts";
import type { Surroundings } from "../../src/ledger/claim-runs.ts";
import { NO_FAULT } from "../../src/ledger/no-fault.ts";
import { NOT_DELIVERED, NOT_STARTED } from "../../src/ledger/tell-cancelled.ts";
import type { RuleLimit } from "../../src/rules/rule.ts";
import { addToTally } from "../../src/telemetry/tally.ts";
import type { JobOutcome } from "../backend.ts";
import type { Outbox } from "../outbox.ts";
import { pastItsFile } from "../past-its-file.ts";
import type { AskDeps } from "../questions/ask-questions.ts";
import { type CancelProgress, type RunDesk, type RunDeskDeps, type RunProgress, workOnRun } from "../run-desk.ts";
import { skipOutdated } from "../skip-outdated.ts";
import { whyHeld } from "../why-held.ts";
import type { AppGate, Slot } from "./app-gate.ts";
import type { ReadAppParameters } from "./app-parameters.ts";
import { askBeforeRun } from "./ask-before-run.ts";
import { cancelWorkflow } from "./cancel-workflow.ts";
import { collectOutputs } from "./collect-outputs.ts";
import type { Cost } from "./cost-meter.ts";
import { type FollowWorkflowDeps, followWorkflow, type WorkflowProgress } from "./follow-workflow.ts";
import { fallBackToUpload, giveInputs, readyFile } from "./give-file.ts";
import { giveBatchInputs, readyBatch } from "./give-files.ts";
import { holdOverLimit } from "./hold-over-limit.ts";
import { skipInfected } from "./skip-infected.ts";
import { waitForSlot } from "./wait-for-slot.ts";

export type ProcessRunDeps = RunDeskDeps & {
  readonly fastio: Pick<Fastio, "openDownload" | "linkTo" | "uploadUnplaced" | "readNodes"> & AskDeps["fastio"];
  /** Dify for the app whose key is in this variable. @throws {PermanentError} misconfigured when it is unset */
  readonly difyFor: (keyVariable: string) => Dify;
  /** Names the app whose key is in this variable, without telling the key. */
  readonly appOf: (keyVariable: string) => string;
  readonly gate: Pick<AppGate, "enter" | "occupy">;
  /** What the rules file allows a rule now; undefined when the file does not have it any more. */
  readonly limitOf: (ruleName: string) => { readonly limit: RuleLimit | undefined } | undefined;
  readonly readAppParameters: ReadAppParameters;
  readonly policy: RecoveryPolicy;
  readonly upMs: FollowWorkflowDeps["upMs"];
  readonly outbox: Pick<Outbox, "sendRuns" | "sendCalled">;
};

/** fetch ▶ Dify upload ▶ workflow run ▶ outputs collected; then the shares queue takes over. */
export const processRun =
  (deps: ProcessRunDeps) =>
  async (runId: string, signal: AbortSignal): Promise<JobOutcome> => {
    let worked: RunDesk | undefined;
    const outcome = await workOnRun(deps, { runId, queue: "runs" }, signal, {
      advance: (desk, around) => {
        worked = desk;
        return advance(deps, desk, around);
      },
      cancel: (desk) => cancel(deps, desk),
      isInterruptible: true,
    });
    // After the lease is given back, so that the next worker finds the run free.
    if (outcome.kind === "done" && worked?.run.queue === "shares")
      await deps.outbox.sendRuns([{ ...worked.run, isMarked: true }]);
    return outcome;
  };

async function advance(deps: ProcessRunDeps, desk: RunDesk, around: Surroundings): Promise<RunProgress> {
  if (desk.run.submittedAtMs === null) return begin(deps, desk, around);
  const app = deps.appOf(desk.run.rule.run.keyVariable);
  const dify = deps.difyFor(desk.run.rule.run.keyVariable);
  // Dify works on it, so it counts among the runs of its app.
  const slot = await deps.gate.occupy(app, desk.run.id);
  try {
    return await work(deps, desk, dify, slot, { isFirst: false });
  } finally {
    await slot?.free();
  }
}

/** While Dify is told to stop, it still works on the run. */
async function cancel(deps: ProcessRunDeps, desk: RunDesk): Promise<CancelProgress> {
  const { run } = desk;
  if (run.collectedAtMs !== null) return { kind: "cancelled", note: NOT_DELIVERED };
  if (run.submittedAtMs === null) return { kind: "cancelled", note: NOT_STARTED };
  const dify = deps.difyFor(run.rule.run.keyVariable);
  const slot = await deps.gate.occupy(deps.appOf(run.rule.run.keyVariable), run.id);
  try {
    return await cancelWorkflow({ ...deps, dify }, desk);
  } finally {
    await slot?.free();
  }
}

/** What was not asked of Dify yet may have to wait: for its rule, for the next day, for its turn. */
async function begin(deps: ProcessRunDeps, desk: RunDesk, around: Surroundings): Promise<RunProgress> {
  const { db, clock } = deps;
  const { run } = desk;
  if (run.waitingApp !== null) await desk.checkpoint({ waitingApp: null, progress: null });
  if (await holdForRule(desk, around)) return { kind: "moved" };
  const limit = limitFor(deps, desk);
  if (limit && (await holdOverLimit(db, desk, limit, clock.now()))) return { kind: "moved" };

  const keyVariable = run.rule.run.keyVariable;
  const app = deps.appOf(keyVariable);
  // The key may be that of another app since the run was made.
  const pausedApp = app === run.app ? around.pausedApp : await findPausedApp(db, app);
  if (pausedApp) return { kind: "wait_for_app", app, why: waitsForPausedApp(pausedApp) };

  if (run.difyUploadId === null && (await skipInfected(deps, desk))) return { kind: "moved" };

  const dify = deps.difyFor(keyVariable);
  // Outside of the line for the app: an answer may take minutes. Which files a batch has shows when they are fetched.
  const ask = () => askBeforeRun({ ...deps, dify }, desk);
  if (run.fileCount === null || run.difyUploadId !== null) {
    const asked = await ask();
    if (asked.kind === "postpone") return asked;
  }
  const place = await deps.gate.enter(app, run);
  if (!place) return { kind: "wait_for_app", app };

  let waitsOn = false;
  try {
    if (run.difyUploadId === null) await desk.step("fetch", () => readyFiles({ ...deps, dify }, desk));
    if (desk.run.finishedAtMs !== null) return { kind: "moved" };
    const asked = await ask();
    if (asked.kind === "postpone") return asked;
    const slot = await waitForSlot(clock, desk, place);
    if (!slot) {
      waitsOn = true;
      return { kind: "wait_for_app", app };
    }
    try {
      if (limit && !(await countRun(db, run, limit, clock.now()))) {
        // Another run had the last place of the day; unless the day has just ended.
        const isHeld = await holdOverLimit(db, desk, limit, clock.now());
        return isHeld ? { kind: "moved" } : { kind: "postpone", delayMs: 1_000 };
      }
      return await work(deps, desk, dify, slot, { isFirst: true });
    } catch (error) {
      if (!isBusy(error) || desk.run.submittedAtMs !== null) throw error;
      await slot.refused(error.retryAfterMs);
      waitsOn = true;
      return { kind: "wait_for_app", app };
    } finally {
      await slot.free();
    }
  } finally {
    place.leave(!waitsOn);
  }
}

async function readyFiles(deps: ProcessRunDeps & { readonly dify: Dify }, desk: RunDesk): Promise<void> {
  if (desk.run.fileCount === null) await readyFile(deps, desk);
  else await deps.outbox.sendRuns(await readyBatch(deps, desk));
}

const isBusy = (error: unknown): error is TransientError =>
  error instanceof TransientError && error.failure === "throttled";

const limitFor = ({ limitOf }: ProcessRunDeps, { run }: RunDesk): RuleLimit | undefined => {
  const rule = limitOf(run.ruleName);
  return rule ? rule.limit : run.rule.limit;
};

async function work(
  deps: ProcessRunDeps,
  desk: RunDesk,
  dify: Dify,
  slot: Slot | undefined,
  first: { readonly isFirst: boolean },
): Promise<RunProgress> {
  const { db, clock } = deps;
  const progress = await desk.step("workflow", () => follow(deps, desk, dify, slot));
  // Whatever comes now is no work for the app.
  await slot?.free();
  if (progress.kind === "postpone") return progress;
  if (progress.kind === "parked" || (await skipOutdated(deps, desk, progress.isOutdated))) return { kind: "moved" };

  const collect = () => collectOutputs({ db, dify, fastio: deps.fastio }, desk, progress.detail, first);
  await pastItsFile(() => desk.step("collect", collect));
  const nowMs = clock.now();
  // Written as the run is given back.
  desk.note({
    // A shadow run ends here: its results stand on its page alone.
    ...(desk.run.rule.shadow
      ? { status: "delivered", queue: null, finishedAtMs: nowMs }
      : { status: "delivering", queue: "shares" }),
    // It is handed over next; to write that later would write it a second time.
    queuedAtMs: desk.run.rule.shadow ? null : nowMs,
    collectedAtMs: nowMs,
    progress: null,
    failures: 0,
    ...NO_FAULT,
  });
  if (desk.run.rule.shadow) deps.log.info("run.shadow_ended", { runId: desk.run.id, ruleName: desk.run.ruleName });
  return { kind: "moved" };
}

async function follow(
  deps: ProcessRunDeps,
  desk: RunDesk,
  dify: Dify,
  slot: Slot | undefined,
): Promise<WorkflowProgress> {
  const { clock, random, log, policy, upMs } = deps;
  const following = followWorkflow(
    {
      dify,
      clock,
      random,
      log,
      policy,
      upMs,
      inputs: () => (desk.run.fileCount === null ? giveInputs : giveBatchInputs)({ ...deps, dify }, desk),
      onAdmitted: async () => {
        await slot?.admitted();
        await countAdmitted(deps, desk);
      },
      onWorkEnded: async () => slot?.free(),
      onFinished: (detail, cost) => noteUsage(desk, detail, cost, dayOf(clock.now())),
    },
    desk,
  );
  try {
    return await following;
  } catch (error) {
    if (await fallBackToUpload(desk, error)) return { kind: "postpone", delayMs: 0 };
    throw error;
  }
}

/** With a limit it was counted before; without one it is counted off the way of the next run. */
async function countAdmitted({ db, clock }: ProcessRunDeps, desk: RunDesk): Promise<void> {
  const day = dayOf(clock.now());
  if (desk.run.countedDay === null) desk.note({ countedDay: day }, { kind: "counted", day });
  // One that was counted on an earlier day moves from there.
  else if (desk.run.countedDay !== day) await countRun(db, desk.run, {}, clock.now());
}

/** What a workflow run used, once, though its end may be told more than once. */
function noteUsage(desk: RunDesk, detail: DifyRunDetail, cost: Cost | undefined, day: string): void {
  const { id, totalTokens, elapsedMs } = detail;
  if (desk.run.usageRunId === id) return;
  const usage = { workflowRunId: id, tokens: totalTokens, elapsedMs, cost };
  const costs = cost && { cost: cost.amount, currency: cost.currency };
  desk.note({ usageRunId: id, totalTokens, elapsedMs, ...costs }, { kind: "used", day, usage });
  addToTally({ tokens: totalTokens });
}

/** Holds the run when its rule is paused. @returns whether it is */
async function holdForRule(desk: RunDesk, { pausedRule }: Surroundings): Promise<boolean> {
  if (pausedRule === undefined) return false;
  await desk.checkpoint({ status: "held", queue: null, ...whyHeld(pausedRule) });
  return true;
}
