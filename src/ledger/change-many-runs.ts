import { and, inArray, type SQL } from "drizzle-orm";
import type { PgUpdateSetSource } from "drizzle-orm/pg-core";
import type { Db } from "./open-ledger.ts";
import { runs } from "./schema.ts";

/** Changing a hundred thousand takes as long as a statement may where the disk is slow, and half a million anywhere. */
export const RUNS_AT_ONCE = 5_000;

/**
 * Changes all runs that are meant, however many, some at a time.
 * @param isMeant no longer so of a run that was changed
 * @param isStill the same of the row itself, should somebody have changed it meanwhile; in words that fit no index, or
 *   the planner may go through all that are meant once for each
 * @returns how many
 */
export async function changeManyRuns(
  db: Db,
  change: PgUpdateSetSource<typeof runs>,
  isMeant: SQL | undefined,
  isStill: SQL,
): Promise<number> {
  for (let changed = 0; ; ) {
    const some = db.select({ id: runs.id }).from(runs).where(isMeant).limit(RUNS_AT_ONCE);
    const rows = await db
      .update(runs)
      .set(change)
      .where(and(inArray(runs.id, some), isStill))
      .returning({ id: runs.id });
    if (rows.length === 0) return changed;
    changed += rows.length;
  }
}
