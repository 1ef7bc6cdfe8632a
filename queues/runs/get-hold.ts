import type { Clock } from "../../src/clock.ts";
import type { RunSeen, SeekStep } from "../../src/dify/recovery.ts";
import type { Dify } from "../../src/dify/types.ts";
import type { RunChange } from "../../src/ledger/write-checkpoints.ts";
import { difyUserOf } from "../../src/run-id.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { addWarnings } from "../add-warnings.ts";
import type { RunDesk } from "../run-desk.ts";
import { doublesWarning, MAX_WAIT_INSIDE_MS } from "./known-of.ts";
import { stopDouble } from "./stop-double.ts";

export type GetHoldDeps = {
  readonly dify: Pick<Dify, "followRun" | "readRun" | "findRuns" | "stopRun">;
  readonly clock: Clock;
  readonly log: Log;
};

/** What was seen of Dify; or that the wait is too long to be spent in a worker. */
export type Hold =
  | { readonly kind: "seen"; readonly seen: Pick<RunSeen, "rows" | "detail" | "askedMs"> }
  | { readonly kind: "postpone"; readonly delayMs: number };

/**
 * Does what following and cancelling a workflow run have in common: looks for it, takes it as the run's own, or reads
 * its record.
 * @param onAdopt written down together with the id
 */
export async function getHold(deps: GetHoldDeps, desk: RunDesk, step: SeekStep, onAdopt: RunChange): Promise<Hold> {
  const { dify, clock, log } = deps;
  const user = difyUserOf(desk.run.id);
  if (step.do === "adopt") {
    const { workflowRunId, stopOthers } = step;
    await desk.checkpoint({
      ...onAdopt,
      workflowRunId,
      spentRunIds: [...desk.run.spentRunIds, ...stopOthers],
      ...(stopOthers.length > 0 ? addWarnings(desk.run, [doublesWarning(stopOthers)]) : {}),
    });
    log.info("workflow.adopted", { runId: desk.run.id, workflowRunId });
    for (const other of stopOthers) await stopDouble(deps, { workflowRunId: other, user }, desk.signal);
    return { kind: "seen", seen: {} };
  }
  if (step.afterMs > MAX_WAIT_INSIDE_MS) return { kind: "postpone", delayMs: step.afterMs };
  await clock.sleep(step.afterMs, desk.signal);
  const askedMs = clock.now();
  if (step.do === "look_up") return { kind: "seen", seen: { rows: await dify.findRuns(user, desk.signal), askedMs } };
  const detail = (await dify.readRun(desk.run.workflowRunId ?? "", desk.signal)) ?? "absent";
  return { kind: "seen", seen: { detail, askedMs } };
}
