import type { RecoveryPolicy } from "../../src/dify/recovery.ts";
import type { Dify } from "../../src/dify/types.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { findRuleState } from "../../src/ledger/rule-state-queries.ts";
import { addWarnings } from "../add-warnings.ts";
import type { JobOutcome } from "../backend.ts";
import type { Outbox } from "../outbox.ts";
import { type RunDesk, type RunDeskDeps, type RunProgress, workOnRun } from "../run-desk.ts";
import { whyHeld } from "../why-held.ts";
import type { ReadAppInputs } from "./app-inputs.ts";
import { collectOutputs } from "./collect-outputs.ts";
import { fetchFile } from "./fetch-file.ts";
import { followWorkflow } from "./follow-workflow.ts";
import { prepareRunInputs } from "./prepare-run-inputs.ts";

export type ProcessRunDeps = RunDeskDeps & {
  readonly fastio: Pick<Fastio, "openDownload" | "uploadUnplaced">;
  /** Dify for the app whose key is in this variable. @throws {PermanentError} misconfigured when it is unset */
  readonly difyFor: (keyVariable: string) => Dify;
  readonly readAppInputs: ReadAppInputs;
  readonly policy: RecoveryPolicy;
  readonly outbox: Pick<Outbox, "sendRuns">;
};

/** fetch ▶ Dify upload ▶ workflow run ▶ outputs collected; then the shares queue takes over. */
export const processRun =
  (deps: ProcessRunDeps) =>
  async (runId: string, signal: AbortSignal): Promise<JobOutcome> => {
    let handedOver: RunDesk["run"] | undefined;
    const outcome = await workOnRun(deps, { runId, queue: "runs" }, signal, async (desk) => {
      const progress = await advance(deps, desk);
      if (desk.run.queue === "shares") handedOver = desk.run;
      return progress;
    });
    // After the lease is given back, so that the next worker finds the run free.
    if (handedOver) await deps.outbox.sendRuns([handedOver]);
    return outcome;
  };

async function advance(deps: ProcessRunDeps, desk: RunDesk): Promise<RunProgress> {
  const { db, clock } = deps;
  if (desk.run.submittedAtMs === null && (await isPaused(deps, desk))) return { kind: "moved" };

  const keyVariable = desk.run.rule.run.keyVariable;
  const dify = deps.difyFor(keyVariable);
  const inputsFor = async () => prepareRunInputs(desk.run, await deps.readAppInputs(keyVariable, dify, desk.signal));

  if (desk.run.difyUploadId === null && desk.run.submittedAtMs === null) {
    await desk.step("fetch", async () => {
      await desk.checkpoint({ status: "fetching" });
      // Inputs that cannot work are found before bytes are sent.
      await inputsFor();
      await fetchFile({ fastio: deps.fastio, dify }, desk);
    });
  }

  const progress = await desk.step("workflow", () =>
    followWorkflow(
      {
        dify,
        clock,
        random: deps.random,
        log: deps.log,
        policy: deps.policy,
        inputs: async () => (await inputsFor())({ uploadId: desk.run.difyUploadId ?? "" }),
      },
      desk,
    ),
  );
  if (progress.kind === "postpone") return progress;

  const count = await desk.step("collect", () =>
    collectOutputs({ db, dify, fastio: deps.fastio }, desk, progress.detail),
  );
  await desk.checkpoint({
    status: "delivering",
    queue: "shares",
    queuedAtMs: null,
    collectedAtMs: clock.now(),
    progress: null,
    failures: 0,
    errorCode: null,
    errorMessage: null,
    errorStep: null,
    nextAction: null,
    ...(count === 0 ? addWarnings(desk.run, ["the workflow returned no outputs"]) : {}),
  });
  return { kind: "moved" };
}

/** Holds the run when its rule is paused. */
async function isPaused({ db }: ProcessRunDeps, desk: RunDesk): Promise<boolean> {
  const state = await findRuleState(db, desk.run.ruleName);
  if (state?.state !== "paused") return false;
  await desk.checkpoint({
    status: "held",
    queue: null,
    ...whyHeld(state),
  });
  return true;
}
