import { and, asc, eq, gt, isNotNull, lte, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { notices, type ReceiptRow, type RunRow, receipts, runs } from "./schema.ts";

/**
 * Runs that ended and for which neither receipt nor notice was ordered yet, whichever way they came to their end.
 * Locked for this transaction, so that two workers do not order for the same ending.
 */
export function lockUntoldRuns(tx: Db, limit: number): Promise<RunRow[]> {
  return (
    tx
      .select()
      .from(runs)
      // As the index has it.
      .where(
        and(
          isNotNull(runs.finishedAtMs),
          sql`finished_at_ms is distinct from told_end_ms and (rule #>> '{deliver,receipt}' is not null or rule #>> '{deliver,noticeVariable}' is not null)`,
        ),
      )
      .orderBy(asc(runs.finishedAtMs))
      .limit(limit)
      .for("update", { skipLocked: true })
  );
}

/** Remembers that what is to be told of this ending was ordered. */
export async function markEndTold(tx: Db, run: Pick<RunRow, "id" | "finishedAtMs">): Promise<void> {
  await tx.update(runs).set({ toldEndMs: run.finishedAtMs }).where(eq(runs.id, run.id));
}

/** Orders the receipt of a run, or its renewal. */
export async function orderReceipt(tx: Db, runId: string, kind: ReceiptRow["kind"], nowMs: number): Promise<void> {
  const order = { kind, state: "waiting", failures: 0, dueAtMs: nowMs, error: null } as const;
  await tx
    .insert(receipts)
    .values({ runId, ...order })
    .onConflictDoUpdate({ target: receipts.runId, set: order });
}

/** Takes the receipt that has been due for longest, until the lease ends. */
export async function claimReceipt(
  db: Db,
  { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs: number },
): Promise<ReceiptRow | undefined> {
  const due = and(eq(receipts.state, "waiting"), lte(receipts.dueAtMs, nowMs), lte(receipts.leaseUntilMs, nowMs));
  return db.transaction(async (tx) => {
    const [row] = await tx
      .select()
      .from(receipts)
      .where(due)
      .orderBy(asc(receipts.dueAtMs))
      .limit(1)
      .for("update", { skipLocked: true });
    if (row) await tx.update(receipts).set({ leaseUntilMs: untilMs }).where(eq(receipts.runId, row.runId));
    return row;
  });
}

/** Remembers what was made, before anything else happens. */
export async function saveReceiptPlace(
  db: Db,
  runId: string,
  place: Partial<Pick<ReceiptRow, "commentId" | "nodeId">>,
): Promise<void> {
  await db.update(receipts).set(place).where(eq(receipts.runId, runId));
}

/** Writes down what came of a receipt, and gives it back. One that was ordered anew meanwhile stays ordered. */
export async function settleReceipt(
  db: Db,
  { runId, dueAtMs }: Pick<ReceiptRow, "runId" | "dueAtMs">,
  change: Partial<Pick<ReceiptRow, "state" | "failures" | "dueAtMs" | "error" | "writtenAtMs">>,
): Promise<void> {
  await db
    .update(receipts)
    .set(change)
    .where(and(eq(receipts.runId, runId), eq(receipts.dueAtMs, dueAtMs)));
  await db.update(receipts).set({ leaseUntilMs: 0 }).where(eq(receipts.runId, runId));
}

export async function findReceipt(db: Db, runId: string): Promise<ReceiptRow | undefined> {
  const [row] = await db.select().from(receipts).where(eq(receipts.runId, runId));
  return row;
}

/** Whether a node is a receipt. */
export async function isReceipt(db: Db, nodeId: string): Promise<boolean> {
  const [row] = await db.select({ runId: receipts.runId }).from(receipts).where(eq(receipts.nodeId, nodeId)).limit(1);
  return row !== undefined;
}

/** Frees every lease on receipts and notices: right after start on an embedded ledger, whose only user is this process. */
export async function releaseTellings(db: Db): Promise<void> {
  await db.update(receipts).set({ leaseUntilMs: 0 }).where(gt(receipts.leaseUntilMs, 0));
  await db.update(notices).set({ leaseUntilMs: 0 }).where(gt(notices.leaseUntilMs, 0));
}
