import { desc, gt } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type RunRow, runs } from "./schema.ts";

/** The newest runs, newest first. @param filter `updatedAfterMs` leaves out those that nothing happened to since */
export function listRuns(db: Db, filter: { readonly updatedAfterMs?: number }, limit: number): Promise<RunRow[]> {
  return db
    .select()
    .from(runs)
    .where(filter.updatedAfterMs === undefined ? undefined : gt(runs.updatedAtMs, filter.updatedAfterMs))
    .orderBy(desc(runs.createdAtMs), desc(runs.id))
    .limit(limit);
}
