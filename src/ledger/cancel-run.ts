import { and, eq, inArray, isNotNull, isNull, or, sql } from "drizzle-orm";
import { HANDED_OVER_ANEW, QUEUE_AT_WORK } from "./hand-overs.ts";
import type { Db } from "./open-ledger.ts";
import { recordOperatorAction } from "./operator-actions.ts";
import { type RunRow, type RunStatus, runs } from "./schema.ts";
import { NOT_STARTED, tellCancelled } from "./tell-cancelled.ts";

/** What came of asking to cancel a run. */
export type CancelAsked =
  | { readonly kind: "unknown_run" }
  /** It had ended before; nothing was changed. */
  | { readonly kind: "ended"; readonly run: RunRow }
  /** Nothing of it was under way anywhere: it is cancelled. */
  | { readonly kind: "cancelled"; readonly run: RunRow }
  /** A worker has to stop what is under way; `isNew` is false when it was asked before. */
  | { readonly kind: "asked"; readonly run: RunRow; readonly isNew: boolean };

const ENDED: ReadonlySet<RunStatus> = new Set(["delivered", "failed", "cancelled", "skipped"]);

/** Whoever waits is to come at once, by a new hand-over; whoever works keeps the run and is told through its lease. */
const comesAnew = {
  queue: QUEUE_AT_WORK,
  ...HANDED_OVER_ANEW,
  waitingApp: null,
  failures: 0,
};

/**
 * Asks for a run to be cancelled. Where nothing is under way it is cancelled in the same transaction; else the wish is
 * written down and outlives whatever happens to the worker that is to carry it out. Safe to repeat.
 */
export async function askToCancel(
  db: Db,
  id: string,
  why: {
    readonly actor: string;
    readonly reason: string | null;
    /** What the wish is part of, as it is written down. */
    readonly detail?: Readonly<Record<string, unknown>>;
  },
  nowMs: number,
): Promise<CancelAsked> {
  return db.transaction(async (tx) => {
    const [run] = await tx.select().from(runs).where(eq(runs.id, id)).for("update");
    if (!run) return { kind: "unknown_run" };
    if (ENDED.has(run.status)) return { kind: "ended", run };
    if (run.cancelAskedAtMs !== null) return { kind: "asked", run, isNew: false };

    const isHeldByWorker = run.leaseOwner !== null && run.leaseUntilMs > nowMs;
    const hasEffects = run.submittedAtMs !== null || run.collectedAtMs !== null || run.folderNodeId !== null;
    const asked = { cancelAskedAtMs: nowMs, cancelReason: why.reason, updatedAtMs: nowMs };
    const change =
      isHeldByWorker || hasEffects
        ? { ...asked, progress: "is being cancelled", ...(isHeldByWorker ? {} : comesAnew) }
        : {
            ...asked,
            status: "cancelled" as const,
            queue: null,
            waitingApp: null,
            leaseOwner: null,
            leaseUntilMs: 0,
            progress: null,
            ...tellCancelled({ cancelReason: why.reason }, NOT_STARTED),
            finishedAtMs: nowMs,
          };
    await recordOperatorAction(tx, {
      atMs: nowMs,
      actor: why.actor,
      action: "run.cancel",
      target: id,
      detail: { from: run.status, reason: why.reason, ...why.detail },
    });
    const [changed = run] = await tx.update(runs).set(change).where(eq(runs.id, id)).returning();
    return changed.status === "cancelled"
      ? { kind: "cancelled", run: changed }
      : { kind: "asked", run: changed, isNew: true };
  });
}

/**
 * Brings those back whose worker had put them aside (for a paused rule, for a person) in the moment before it could
 * learn that they are to be cancelled. Called by the sweep, which hands them over. @returns how many
 */
export async function reviveCancelled(db: Db, nowMs: number): Promise<number> {
  const revived = await db
    .update(runs)
    .set({ ...comesAnew, updatedAtMs: nowMs })
    .where(
      and(
        isNotNull(runs.cancelAskedAtMs),
        isNull(runs.queue),
        inArray(runs.status, ["held", "paused"]),
        or(isNull(runs.leaseOwner), sql`${runs.leaseUntilMs} < ${nowMs}`),
      ),
    )
    .returning({ id: runs.id });
  return revived.length;
}
