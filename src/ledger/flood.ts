import { and, eq, inArray, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { runs } from "./schema.ts";
import { UNFINISHED } from "./wanted-run.ts";

/** Names the runs that wait for an operator's word, and for nothing else. */
export const FLOOD_HELD = "flood_held";

/**
 * What makes a new run of a rule wait for an operator when very many of its runs are not done; nothing when they are not.
 * Held ones count among them, so that later files do not pass them.
 */
export async function heldByFlood(db: Db, ruleName: string, floodHold: number) {
  if (!Number.isFinite(floodHold)) return {};
  const unfinished = db
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.ruleName, ruleName), inArray(runs.status, [...UNFINISHED])))
    .limit(floodHold)
    .as("unfinished");
  const [found] = await db.select({ count: sql<number>`count(*)::int` }).from(unfinished);
  if ((found?.count ?? 0) < floodHold) return {};
  return {
    status: "held" as const,
    queue: null,
    waitsFor: "hold" as const,
    errorCode: FLOOD_HELD,
    errorMessage: `the rule has ${floodHold} unfinished runs, as many as floodHold lets it have`,
    nextAction: `see whether so many files are meant, then let them go on: relay rules release ${ruleName}`,
  };
}
