import { and, eq, inArray } from "drizzle-orm";
import type { Rule } from "../rules/rule.ts";
import { forgetAnswers } from "./answers.ts";
import { setOutputsAside } from "./earlier-outputs.ts";
import { HANDED_OVER_ANEW } from "./hand-overs.ts";
import { isParked } from "./is-parked.ts";
import { NO_FAULT } from "./no-fault.ts";
import type { Db } from "./open-ledger.ts";
import { forgetUploads } from "./run-files.ts";
import { type RunRow, type RunStatus, runs } from "./schema.ts";

/** Endings after which a run may begin again. */
const REPLAYABLE: readonly RunStatus[] = ["failed", "cancelled", "delivered"];

/** How a run begins again. What is left out stays as it was. */
export type ReplayPlan = {
  /** The rule as it is to be from now on, and the Dify app it is for. */
  readonly rule?: Rule;
  readonly app?: string;
  /** The version of the workflow to run; null: the one that is published when it begins. */
  readonly pinnedVersionId: string | null;
};

/** @param status where it stands now */
export type Replayed = { readonly kind: "replayed"; readonly from: RunStatus; readonly status: RunStatus };

export type ReplayRefused =
  | { readonly kind: "unknown_run" }
  | { readonly kind: "not_ended"; readonly status: RunStatus; readonly generation: number };

/** Runs the published workflow by the rule that the run has. */
const AS_IT_WAS: ReplayPlan = { pinnedVersionId: null };

/**
 * Whether a replay begins with the delivery, since the outputs are there. Bytes that Fast.io has lost cannot be
 * delivered: such a run goes back to its beginning.
 */
export const isDeliverable = (run: Pick<RunRow, "status" | "collectedAtMs" | "errorCode">): boolean =>
  run.status !== "delivered" && run.collectedAtMs !== null && run.errorCode !== "upload_failed";

/**
 * Puts a run that has ended, or was laid aside for a person, back to its beginning; or to its delivery when that is
 * where it failed.
 * The sweep hands it to the queue. Its workflow run, if it had one, is left behind and never taken up again;
 * its folder and share, if they exist, are used again: the link stays, and files of the same name get a new version.
 * @param choose how, by what the run is at this moment; something else than a plan changes nothing, and is the answer
 */
export async function replayRun<Refusal extends { readonly kind: string } = never>(
  db: Db,
  id: string,
  nowMs: number,
  choose: (run: RunRow) => ReplayPlan | Refusal = () => AS_IT_WAS,
): Promise<Replayed | ReplayRefused | Refusal> {
  return db.transaction(async (tx) => {
    const [run] = await tx.select().from(runs).where(eq(runs.id, id)).for("update");
    if (!run) return { kind: "unknown_run" };
    if (!isParked(run) && !REPLAYABLE.includes(run.status))
      return { kind: "not_ended", status: run.status, generation: run.generation };
    const plan = choose(run);
    if ("kind" in plan) return plan;
    const rule = plan.rule ?? run.rule;
    const fresh = {
      rule,
      app: plan.app ?? run.app,
      ...HANDED_OVER_ANEW,
      waitsFor: "replay" as const,
      failures: 0,
      warning: null,
      ...NO_FAULT,
      progress: null,
      finishedAtMs: null,
      cancelAskedAtMs: null,
      cancelReason: null,
      shareReadyAtMs: null,
      // Who lets a run begin again wants its link; a wish to close that comes later counts.
      shareCloseAskedAtMs: null,
      shareCloseAskedBy: null,
      shareCloseReason: null,
      updatedAtMs: nowMs,
    };
    if (isDeliverable(run)) {
      await forgetAnswers(tx, id, "after");
      const asked = new Set([...(run.rule.deliver.ask ?? []), ...(rule.deliver.ask ?? [])].map(({ into }) => into));
      const answerTexts = Object.fromEntries(Object.entries(run.answerTexts).filter(([into]) => !asked.has(into)));
      await tx
        .update(runs)
        .set({ ...fresh, answerTexts, status: "delivering", queue: "shares" })
        .where(and(eq(runs.id, id), inArray(runs.status, [...REPLAYABLE])));
      return { kind: "replayed", from: run.status, status: "delivering" };
    }
    await setOutputsAside(tx, id);
    await forgetUploads(tx, id);
    await forgetAnswers(tx, id);
    await tx
      .update(runs)
      .set({
        ...fresh,
        pinnedVersionId: plan.pinnedVersionId,
        status: "queued",
        queue: "runs",
        answerTexts: {},
        difyUploadId: null,
        submittedAtMs: null,
        // One that left no trace may come to light yet: the next is told from it at its end.
        submissions: run.workflowRunId === null ? run.submissions : 0,
        workflowRunId: null,
        taskId: null,
        workflowStatus: null,
        sentInputs: null,
        nodes: [],
        totalTokens: null,
        elapsedMs: null,
        cost: null,
        currency: null,
        countedDay: null,
        usageRunId: null,
        waitingApp: null,
        gatheringKey: null,
        collectedAtMs: null,
        spentRunIds: run.workflowRunId === null ? run.spentRunIds : [...run.spentRunIds, run.workflowRunId],
      })
      .where(eq(runs.id, id));
    return { kind: "replayed", from: run.status, status: "queued" };
  });
}
