import { and, eq, gte, sql } from "drizzle-orm";
import { FLOOD_HELD } from "./flood.ts";
import type { Db } from "./open-ledger.ts";
import { runs } from "./schema.ts";

/** What became of the runs of a rule that were made since a moment. */
export type RuleFigures = {
  readonly made: number;
  readonly delivered: number;
  readonly failed: number;
  /** On their way, or waiting. */
  readonly unfinished: number;
};

/** By the names of rules; one without runs is not in it. */
export async function readRuleFigures(db: Db, sinceMs: number): Promise<ReadonlyMap<string, RuleFigures>> {
  const count = (condition: ReturnType<typeof sql>) => sql`count(*) filter (where ${condition})`.mapWith(Number);
  const rows = await db
    .select({
      ruleName: runs.ruleName,
      made: sql`count(*)`.mapWith(Number),
      delivered: count(sql`${runs.status} = 'delivered'`),
      failed: count(sql`${runs.status} = 'failed'`),
      unfinished: count(sql`${runs.finishedAtMs} is null`),
    })
    .from(runs)
    .where(gte(runs.createdAtMs, sinceMs))
    .groupBy(runs.ruleName);
  return new Map(rows.map(({ ruleName, ...figures }) => [ruleName, figures]));
}

/** How many runs of each rule are held because there were so many. */
export async function countFloodHeld(db: Db): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .select({ ruleName: runs.ruleName, count: sql`count(*)`.mapWith(Number) })
    .from(runs)
    // Word for word as in the index, or the planner does not see that it fits.
    .where(and(sql`status = 'held'`, eq(runs.errorCode, FLOOD_HELD)))
    .groupBy(runs.ruleName);
  return new Map(rows.map(({ ruleName, count }) => [ruleName, count]));
}
