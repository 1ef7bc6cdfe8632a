import { and, desc, eq, gt, lt, or, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type RunRow, type RunStatus, runs } from "./schema.ts";

/** A place in the list of runs: many runs may be made in one millisecond. */
export type RunPlace = { readonly createdAtMs: number; readonly id: string };

/** Newest runs first. @param filter `after` names the last run of the page before */
export function listRuns(
  db: Db,
  filter: { readonly status?: RunStatus; readonly after?: RunPlace; readonly updatedAfterMs?: number },
  limit: number,
): Promise<RunRow[]> {
  const { after } = filter;
  return db
    .select()
    .from(runs)
    .where(
      and(
        filter.status ? eq(runs.status, filter.status) : undefined,
        after &&
          or(
            lt(runs.createdAtMs, after.createdAtMs),
            and(eq(runs.createdAtMs, after.createdAtMs), lt(runs.id, after.id)),
          ),
        filter.updatedAfterMs === undefined ? undefined : gt(runs.updatedAtMs, filter.updatedAfterMs),
      ),
    )
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
