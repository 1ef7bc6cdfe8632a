import { dayOf, nextDayMs, reachedLimit, readRuleUsage } from "../../src/ledger/budgets.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import type { RuleLimit } from "../../src/rules/rule.ts";
import type { RunDesk } from "../run-desk.ts";

/**
 * Holds a run whose rule has used up what it may on this day; the sweep lets it go on when the day is over.
 * @param limit as the rules file says now, which may be more than when the run was made
 * @returns whether it is held
 */
export async function holdOverLimit(db: Db, desk: RunDesk, limit: RuleLimit, nowMs: number): Promise<boolean> {
  const { run } = desk;
  const day = dayOf(nowMs);
  // What was counted today has its place among today's runs.
  if (run.countedDay === day) return false;
  const reached = reachedLimit(await readRuleUsage(db, run.ruleName, day), limit);
  if (reached === undefined) return false;
  const name = reached === "runs" ? "runsPerDay" : "tokensPerDay";
  const goesOnAt = new Date(nextDayMs(nowMs)).toISOString();
  await desk.checkpoint({
    status: "held",
    queue: null,
    notBeforeMs: nextDayMs(nowMs),
    progress: null,
    errorCode: "budget_reached",
    errorMessage: `the rule has reached its limit of ${limit[name]} ${reached} on ${day} (UTC)`,
    nextAction: `it goes on by itself at ${goesOnAt}; for an earlier start raise limit.${name} in the rules file, start the relay again and resume the rule`,
  });
  return true;
}
