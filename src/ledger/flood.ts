import { type SQL, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { rowsOf } from "./rows-of.ts";
import { runs } from "./schema.ts";
import { UNFINISHED } from "./wanted-run.ts";

/** Names the runs that wait for an operator's word, and for nothing else. */
export const FLOOD_HELD = "flood_held";

const unfinished = sql.raw(UNFINISHED.map((status) => `'${status}'`).join(", "));

/**
 * How many runs of a rule are not done, counted as far as a limit. Status by status: one look at all of them goes
 * through what is done, too, where the planner knows little of the table.
 */
export const countUnfinished = (ruleName: SQL | string, limit: SQL | number): SQL<number> => sql`(
  select count(*)::int from (
    select from unnest(array[${unfinished}]) unfinished (status), lateral (
      select from ${runs} run where run.rule_name = ${ruleName} and run.status = unfinished.status limit ${limit}) one
    limit ${limit}) counted)`;

/**
 * What makes a new run of a rule wait for an operator when very many of its runs are not done; nothing when they are not.
 * Held ones count among them, so that later files do not pass them.
 */
export async function heldByFlood(db: Db, ruleName: string, floodHold: number) {
  if (!Number.isFinite(floodHold)) return {};
  const [found] = rowsOf(await db.execute(sql`select ${countUnfinished(ruleName, floodHold)} as count`));
  if (Number(found?.["count"]) < floodHold) return {};
  return {
    status: "held" as const,
    queue: null,
    waitsFor: "hold" as const,
    errorCode: FLOOD_HELD,
    errorMessage: `the rule has ${floodHold} unfinished runs, as many as floodHold lets it have`,
    nextAction: `see whether so many files are meant, then let them go on: relay rules release ${ruleName}`,
  };
}
