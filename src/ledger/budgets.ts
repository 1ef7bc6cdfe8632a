import { and, eq, gte, sql } from "drizzle-orm";
import type { RuleLimit } from "../rules/rule.ts";
import type { Db } from "./open-ledger.ts";
import { rowsOf } from "./rows-of.ts";
import { ruleDays, runs } from "./schema.ts";

const DAY_MS = 86_400_000;

/** @returns such as `2026-11-22`, in UTC */
export const dayOf = (nowMs: number): string => new Date(nowMs).toISOString().slice(0, 10);

/** When the next day begins, in UTC. */
export const nextDayMs = (nowMs: number): number => (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS;

/** What a rule used on one day (UTC). */
export type RuleUsage = {
  readonly day: string;
  /** Workflow runs that were asked for on this day; a run that Dify refused and takes later the same day counts once. */
  readonly runs: number;
  /** Of the workflow runs that ended on this day, as the time is. */
  readonly tokens: number;
  readonly elapsedMs: number;
  /** Amount by currency; empty where Dify tells no cost. */
  readonly costs: Readonly<Record<string, number>>;
};

const usage = {
  day: ruleDays.day,
  runs: ruleDays.runs,
  tokens: ruleDays.tokens,
  elapsedMs: ruleDays.elapsedMs,
  costs: ruleDays.costs,
};

/** All zero when nothing was used. */
export async function readRuleUsage(db: Db, ruleName: string, day: string): Promise<RuleUsage> {
  const [row] = await db
    .select(usage)
    .from(ruleDays)
    .where(and(eq(ruleDays.ruleName, ruleName), eq(ruleDays.day, day)));
  return row ?? { day, runs: 0, tokens: 0, elapsedMs: 0, costs: {} };
}

/** Days on which rules used something, newest first. @param since the first day wanted, such as `2026-11-01` */
export function listRuleUsage(db: Db, since: string): Promise<readonly (RuleUsage & { readonly ruleName: string })[]> {
  return db
    .select({ ruleName: ruleDays.ruleName, ...usage })
    .from(ruleDays)
    .where(gte(ruleDays.day, since))
    .orderBy(sql`${ruleDays.day} desc`, ruleDays.ruleName);
}

/** Which limit a day's usage has reached; undefined when one more run may begin. */
export function reachedLimit(
  used: Pick<RuleUsage, "runs" | "tokens">,
  limit: RuleLimit,
): "runs" | "tokens" | undefined {
  if (limit.runsPerDay !== undefined && used.runs >= limit.runsPerDay) return "runs";
  if (limit.tokensPerDay !== undefined && used.tokens >= limit.tokensPerDay) return "tokens";
  return undefined;
}

/**
 * Counts a run among those of the day, provided the limit allows one more; in one statement, so that no two workers
 * count past it. A run that was counted today already is not counted again; one that was asked for on an earlier day,
 * and refused, moves from there.
 * @returns whether it may begin
 */
export async function countRun(
  db: Db,
  run: { readonly id: string; readonly ruleName: string },
  limit: RuleLimit,
  nowMs: number,
): Promise<boolean> {
  const day = dayOf(nowMs);
  const withinRuns = limit.runsPerDay === undefined ? sql`true` : sql`${ruleDays.runs} < ${limit.runsPerDay}`;
  const withinTokens = limit.tokensPerDay === undefined ? sql`true` : sql`${ruleDays.tokens} < ${limit.tokensPerDay}`;
  const told = await db.execute(sql`
    with before as (select counted_day from ${runs} where ${eq(runs.id, run.id)} for update),
    counted as (
      insert into ${ruleDays} (rule_name, day, runs)
      select ${run.ruleName}, ${day}, 1 from before where counted_day is distinct from ${day}
      on conflict (rule_name, day) do update set runs = ${ruleDays.runs} + 1 where ${withinRuns} and ${withinTokens}
      returning runs),
    marked as (update ${runs} set counted_day = ${day} from counted where ${eq(runs.id, run.id)}),
    moved as (
      update ${ruleDays} set runs = greatest(0, ${ruleDays.runs} - 1) from counted, before
      where ${eq(ruleDays.ruleName, run.ruleName)} and ${ruleDays.day} = before.counted_day)
    select coalesce(counted_day = ${day}, false) or exists (select from counted) as may_begin from before`);
  return rowsOf(told)[0]?.["may_begin"] === true;
}
