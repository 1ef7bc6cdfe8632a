import { and, eq, isNotNull, lt, notExists, or, type SQL, sql } from "drizzle-orm";
import { changeManyRuns } from "./change-many-runs.ts";
import { EARLY_MS } from "./claim-runs.ts";
import { FLOOD_HELD } from "./flood.ts";
import { HANDED_OVER_ANEW, QUEUE_AT_WORK } from "./hand-overs.ts";
import { NO_FAULT } from "./no-fault.ts";
import type { Db } from "./open-ledger.ts";
import { ruleStates, runs } from "./schema.ts";

/** What a held run is when it goes on: it is handed over anew, and nothing is said of why it was held. */
export const onItsWay = (nowMs: number) => ({
  status: "queued" as const,
  queue: QUEUE_AT_WORK,
  ...HANDED_OVER_ANEW,
  ...NO_FAULT,
  updatedAtMs: nowMs,
});

/**
 * Lets runs go on that were held back: by a paused rule, as soon as it is paused no more; by the limit of a day, as soon
 * as that day is over. Called when a rule is resumed, and by the sweep.
 * @param resumed a rule whose runs are let go before their time; what is over its limit still will be held again
 * @returns how many
 */
export function releaseHeldRuns(db: Db, nowMs: number, resumed?: string): Promise<number> {
  const paused = db
    .select({ name: ruleStates.ruleName })
    .from(ruleStates)
    .where(and(eq(ruleStates.ruleName, runs.ruleName), eq(ruleStates.state, "paused")));
  const isMeant = and(
    // An operator lets those go on.
    sql`${runs.errorCode} is distinct from ${FLOOD_HELD}`,
    notExists(paused),
    or(lt(runs.notBeforeMs, nowMs + EARLY_MS), resumed === undefined ? undefined : eq(runs.ruleName, resumed)),
  );
  return release(db, nowMs, isMeant);
}

/**
 * Lets the runs of a rule go on that were held because there were so many. The sweep hands them over, oldest first.
 * @returns how many
 */
export function releaseFlood(db: Db, ruleName: string, nowMs: number): Promise<number> {
  return release(db, nowMs, and(eq(runs.ruleName, ruleName), eq(runs.errorCode, FLOOD_HELD)));
}

function release(db: Db, nowMs: number, isMeant: SQL | undefined): Promise<number> {
  // Word for word as in the index, or the planner does not see that it fits.
  const isHeld = sql`${runs.status} = 'held'`;
  return changeManyRuns(db, onItsWay(nowMs), and(isHeld, isMeant), sql`${runs.status} is not distinct from 'held'`);
}

/**
 * Lets a paused run be looked at soon, since it was answered: the sweep hands it over anew.
 * The job it waits in finds nothing to do, or does it first; either is well.
 */
export async function hastenPausedRun(db: Db, id: string, progress: string, nowMs: number): Promise<void> {
  await db
    .update(runs)
    .set({
      ...HANDED_OVER_ANEW,
      nextAction: null,
      progress,
      updatedAtMs: nowMs,
    })
    .where(and(eq(runs.id, id), eq(runs.status, "paused"), isNotNull(runs.queue)));
}
