import { and, eq, inArray, sql } from "drizzle-orm";
import { forgetAnswers } from "./answers.ts";
import { setOutputsAside } from "./earlier-outputs.ts";
import { isParked } from "./is-parked.ts";
import type { Db } from "./open-ledger.ts";
import { forgetUploads } from "./run-files.ts";
import { type RunStatus, runs } from "./schema.ts";

/** Endings after which a run may begin again. */
const REPLAYABLE: readonly RunStatus[] = ["failed", "cancelled", "delivered"];

/**
 * Puts a run that has ended, or was laid aside for a person, back to its beginning; or to its delivery when that is
 * where it failed.
 * The sweep hands it to the queue. Its workflow run, if it had one, is left behind and never taken up again;
 * its folder and share, if they exist, are used again: the link stays, and files of the same name get a new version.
 */
export async function replayRun(
  db: Db,
  id: string,
  nowMs: number,
): Promise<
  | { readonly kind: "replayed"; readonly from: RunStatus }
  | { readonly kind: "unknown_run" }
  | { readonly kind: "not_ended"; readonly status: RunStatus }
> {
  return db.transaction(async (tx) => {
    const [run] = await tx.select().from(runs).where(eq(runs.id, id)).for("update");
    if (!run) return { kind: "unknown_run" };
    if (!isParked(run) && !REPLAYABLE.includes(run.status)) return { kind: "not_ended", status: run.status };
    const fresh = {
      queuedAtMs: null,
      generation: sql`${runs.generation} + 1`,
      notBeforeMs: 0,
      waitsFor: "replay" as const,
      failures: 0,
      warning: null,
      errorCode: null,
      errorMessage: null,
      errorStep: null,
      nextAction: null,
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
    // Bytes that Fast.io has lost cannot be delivered: such a run goes back to its beginning.
    const deliverable = run.status !== "delivered" && run.collectedAtMs !== null && run.errorCode !== "upload_failed";
    if (deliverable) {
      await forgetAnswers(tx, id, "after");
      const asked = new Set(run.rule.deliver.ask?.map(({ into }) => into));
      const answerTexts = Object.fromEntries(Object.entries(run.answerTexts).filter(([into]) => !asked.has(into)));
      await tx
        .update(runs)
        .set({ ...fresh, answerTexts, status: "delivering", queue: "shares" })
        .where(and(eq(runs.id, id), inArray(runs.status, [...REPLAYABLE])));
      return { kind: "replayed", from: run.status };
    }
    await setOutputsAside(tx, id);
    await forgetUploads(tx, id);
    await forgetAnswers(tx, id);
    await tx
      .update(runs)
      .set({
        ...fresh,
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
    return { kind: "replayed", from: run.status };
  });
}
