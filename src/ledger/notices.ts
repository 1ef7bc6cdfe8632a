import { and, asc, eq, lte } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type NoticeRow, notices } from "./schema.ts";

/** One message to an incoming webhook. */
export type NewNotice = {
  /** The same news has the same key, and is told once. */
  readonly key: string;
  /** The variable that holds the address. */
  readonly variable: string;
  /** Plain text; nothing secret, since it leaves the house. */
  readonly text: string;
  /** The run it is about, which is told when the notice is given up. */
  readonly runId?: string | undefined;
};

/** Orders a notice; the upkeep sends it. A key that was ordered before is left alone. */
export async function orderNotice(db: Db, notice: NewNotice, nowMs: number): Promise<void> {
  await db
    .insert(notices)
    .values({ ...notice, state: "waiting", dueAtMs: nowMs, createdAtMs: nowMs })
    .onConflictDoNothing();
}

/** Takes the notice that has been due for longest, until the lease ends. */
export async function claimNotice(
  db: Db,
  { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs: number },
): Promise<NoticeRow | undefined> {
  const due = and(eq(notices.state, "waiting"), lte(notices.dueAtMs, nowMs), lte(notices.leaseUntilMs, nowMs));
  return db.transaction(async (tx) => {
    const [row] = await tx
      .select()
      .from(notices)
      .where(due)
      .orderBy(asc(notices.dueAtMs), asc(notices.createdAtMs))
      .limit(1)
      .for("update", { skipLocked: true });
    if (row) await tx.update(notices).set({ leaseUntilMs: untilMs }).where(eq(notices.key, row.key));
    return row;
  });
}

type NoticeChange = Partial<Pick<NoticeRow, "state" | "failures" | "dueAtMs" | "error" | "sentAtMs">>;

/** Writes down what came of a notice, and gives it back. */
export async function settleNotice(db: Db, key: string, change: NoticeChange): Promise<void> {
  await db
    .update(notices)
    .set({ ...change, leaseUntilMs: 0 })
    .where(eq(notices.key, key));
}

/** Puts off everything that waits for one address, which asked for a pause. */
export async function putOffNotices(db: Db, variable: string, untilMs: number): Promise<void> {
  await db
    .update(notices)
    .set({ dueAtMs: untilMs, leaseUntilMs: 0 })
    .where(and(eq(notices.state, "waiting"), eq(notices.variable, variable), lte(notices.dueAtMs, untilMs)));
}

/** Notices about a run, oldest first. */
export function listNotices(db: Db, runId: string): Promise<NoticeRow[]> {
  return db.select().from(notices).where(eq(notices.runId, runId)).orderBy(asc(notices.createdAtMs));
}
