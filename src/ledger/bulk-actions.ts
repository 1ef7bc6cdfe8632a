import { and, asc, desc, eq, isNotNull, isNull, lt, ne, or, sql } from "drizzle-orm";
import { statusesFor, type Targets, targetsOf } from "./bulk-targets.ts";
import type { Db } from "./open-ledger.ts";
import { recordOperatorAction } from "./operator-actions.ts";
import { type BulkActionRow, type BulkItemRow, bulkActions, bulkItems, type ReplayVersion, runs } from "./schema.ts";

/** More runs than this are not taken at once: so many are looked at one by one, and by a person before that. */
export const MOST_BULK_RUNS = 50_000;

export type NewBulk = Targets & {
  /** Chosen by who asks, so that the same wish sent twice is one. */
  readonly id: string;
  readonly version: ReplayVersion;
  /** The filter as it was written. */
  readonly asked: Readonly<Record<string, string>>;
  readonly askedBy: string;
  readonly reason: string | null;
  readonly perMinute: number;
  /** How many runs who asks has seen to match; another number begins nothing. */
  readonly expect?: number | undefined;
};

export type BulkBegun =
  | { readonly kind: "begun"; readonly bulk: BulkActionRow; readonly isNew: boolean }
  | { readonly kind: "no_runs" }
  | { readonly kind: "too_many"; readonly most: number }
  /** Others match by now than who asks has seen. */
  | { readonly kind: "changed"; readonly count: number };

/**
 * Writes down what is to be done to which runs: those that match at this moment, oldest first, whatever comes to match
 * later. In one transaction with who wanted it.
 */
export async function beginBulk(db: Db, wish: NewBulk, nowMs: number): Promise<BulkBegun> {
  const { id, deed, filter, version, asked, askedBy, reason, perMinute, expect } = wish;
  if (statusesFor(deed, filter).length === 0) return { kind: "no_runs" };
  return db.transaction(async (tx) => {
    const [made] = await tx
      .insert(bulkActions)
      .values({
        ...{ id, deed, filter: asked, askedBy, reason, perMinute },
        version: deed === "replay" ? version : null,
        state: "running",
        total: 0,
        dueAtMs: nowMs,
        createdAtMs: nowMs,
      })
      .onConflictDoNothing()
      .returning();
    if (!made) {
      const bulk = await findBulk(tx, id);
      if (!bulk) throw new Error("the bulk action vanished");
      return { kind: "begun", bulk, isNew: false };
    }
    const chosen = tx
      .select({ id: runs.id, generation: runs.generation, createdAtMs: runs.createdAtMs })
      .from(runs)
      .where(targetsOf(tx, deed, filter))
      .orderBy(asc(runs.createdAtMs), asc(runs.id))
      .limit(MOST_BULK_RUNS + 1)
      .as("chosen");
    await tx.insert(bulkItems).select(
      // Columns in the order of the schema.
      tx
        .select({
          bulkId: sql<string>`${id}::text`.as("bulk_id"),
          ordinal: sql<number>`row_number() over (order by ${chosen.createdAtMs}, ${chosen.id})::int`.as("ordinal"),
          runId: chosen.id,
          generation: chosen.generation,
          outcome: sql<null>`null::text`.as("outcome"),
          note: sql<null>`null::text`.as("note"),
          atMs: sql<null>`null::bigint`.as("at_ms"),
        })
        .from(chosen),
    );
    const total = await tx.$count(bulkItems, eq(bulkItems.bulkId, id));
    if (total === 0 || total > MOST_BULK_RUNS || (expect !== undefined && expect !== total)) {
      await tx.delete(bulkItems).where(eq(bulkItems.bulkId, id));
      await tx.delete(bulkActions).where(eq(bulkActions.id, id));
      if (total === 0) return { kind: "no_runs" };
      return total > MOST_BULK_RUNS ? { kind: "too_many", most: MOST_BULK_RUNS } : { kind: "changed", count: total };
    }
    const [bulk = made] = await tx.update(bulkActions).set({ total }).where(eq(bulkActions.id, id)).returning();
    await recordOperatorAction(tx, {
      atMs: nowMs,
      actor: askedBy,
      action: "bulk.begin",
      target: id,
      detail: { deed, ...(deed === "replay" && { version }), filter: asked, runs: total, perMinute, reason },
    });
    return { kind: "begun", bulk, isNew: true };
  });
}

export async function findBulk(db: Db, id: string): Promise<BulkActionRow | undefined> {
  const [row] = await db.select().from(bulkActions).where(eq(bulkActions.id, id));
  return row;
}

/** Newest first. @param after the last one of the page before */
export function listBulks(
  db: Db,
  limit: number,
  after?: { readonly createdAtMs: number; readonly id: string },
): Promise<BulkActionRow[]> {
  return db
    .select()
    .from(bulkActions)
    .where(
      after &&
        or(
          lt(bulkActions.createdAtMs, after.createdAtMs),
          and(eq(bulkActions.createdAtMs, after.createdAtMs), lt(bulkActions.id, after.id)),
        ),
    )
    .orderBy(desc(bulkActions.createdAtMs), desc(bulkActions.id))
    .limit(limit);
}

/** Runs of a bulk action with their names, the last first: those it was not done to, or all that it came to. */
export function listBulkItems(
  db: Db,
  bulkId: string,
  which: "not_done" | "latest",
  limit: number,
): Promise<(BulkItemRow & { readonly fileName: string | null; readonly fileCount: number | null })[]> {
  return db
    .select({
      bulkId: bulkItems.bulkId,
      ordinal: bulkItems.ordinal,
      runId: bulkItems.runId,
      generation: bulkItems.generation,
      outcome: bulkItems.outcome,
      note: bulkItems.note,
      atMs: bulkItems.atMs,
      fileName: runs.fileName,
      fileCount: runs.fileCount,
    })
    .from(bulkItems)
    .leftJoin(runs, eq(runs.id, bulkItems.runId))
    .where(
      and(
        eq(bulkItems.bulkId, bulkId),
        which === "not_done"
          ? and(isNotNull(bulkItems.outcome), ne(bulkItems.outcome, "done"))
          : isNotNull(bulkItems.outcome),
      ),
    )
    .orderBy(desc(bulkItems.ordinal))
    .limit(limit);
}

/** Stops a bulk action before its next run. Safe to repeat. @returns undefined when there is none of this id */
export async function abortBulk(
  db: Db,
  id: string,
  { actor, reason }: { readonly actor: string; readonly reason: string | null },
  nowMs: number,
): Promise<BulkActionRow | undefined> {
  return db.transaction(async (tx) => {
    const [aborted] = await tx
      .update(bulkActions)
      .set({ state: "aborted", abortedBy: actor, abortReason: reason, finishedAtMs: nowMs })
      .where(and(eq(bulkActions.id, id), eq(bulkActions.state, "running")))
      .returning();
    if (!aborted) return findBulk(tx, id);
    const { total, done, already, refused } = aborted;
    const detail = { reason, left: total - done - already - refused };
    await recordOperatorAction(tx, { atMs: nowMs, actor, action: "bulk.abort", target: id, detail });
    return aborted;
  });
}

/** When the next run of any bulk action is due; undefined when none goes on. */
export async function nextBulkDueMs(db: Db): Promise<number | undefined> {
  const [row] = await db
    .select({ dueAtMs: bulkActions.dueAtMs })
    .from(bulkActions)
    .where(sql`state = 'running'`) // word for word as in the index
    .orderBy(asc(bulkActions.dueAtMs))
    .limit(1);
  return row?.dueAtMs;
}

/** Locks the bulk action that has been due for longest, and finds its next run; for one transaction. */
export async function lockDueBulk(
  tx: Db,
  nowMs: number,
): Promise<{ readonly bulk: BulkActionRow; readonly item: BulkItemRow | undefined } | undefined> {
  const [bulk] = await tx
    .select()
    .from(bulkActions)
    .where(and(sql`state = 'running'`, sql`${bulkActions.dueAtMs} <= ${nowMs}`))
    .orderBy(asc(bulkActions.dueAtMs))
    .limit(1)
    // Another process is at it: it goes on there.
    .for("update", { skipLocked: true });
  if (!bulk) return undefined;
  const [item] = await tx
    .select()
    .from(bulkItems)
    .where(and(eq(bulkItems.bulkId, bulk.id), isNull(bulkItems.outcome)))
    .orderBy(asc(bulkItems.ordinal))
    .limit(1);
  return { bulk, item };
}
