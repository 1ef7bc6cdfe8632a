import { desc, gt, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type RunRow, type RunStatus, runs } from "./schema.ts";

/** The newest runs, newest first. @param filter `updatedAfterMs` leaves out those that nothing happened to since */
export function listRuns(db: Db, filter: { readonly updatedAfterMs?: number }, limit: number): Promise<RunRow[]> {
  return db
    .select()
    .from(runs)
    .where(filter.updatedAfterMs === undefined ? undefined : gt(runs.updatedAtMs, filter.updatedAfterMs))
    .orderBy(desc(runs.createdAtMs), desc(runs.id))
    .limit(limit);
}

/** How many runs stand where. */
export async function countRuns(db: Db): Promise<Readonly<Partial<Record<RunStatus, number>>>> {
  const rows = await db
    .select({ status: runs.status, count: sql<number>`count(*)::int` })
    .from(runs)
    .groupBy(runs.status);
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}
