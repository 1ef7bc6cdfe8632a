import { and, eq, gte, isNull, ne, or, sql } from "drizzle-orm";
import type { RuleLimit } from "../rules/rule.ts";
import type { Db } from "./open-ledger.ts";
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
 * Counts a run among those of the day, provided the limit allows one more; in one transaction, so that no two workers
 * count past it. A run that was counted today already is not counted again.
 * @returns whether it may begin
 */
export async function countRun(
  db: Db,
  run: { readonly id: string; readonly ruleName: string },
  limit: RuleLimit,
  nowMs: number,
): Promise<boolean> {
  const day = dayOf(nowMs);
  return db.transaction(async (tx) => {
    const [before] = await tx
      .select({ countedDay: runs.countedDay })
      .from(runs)
      .where(eq(runs.id, run.id))
      .for("update");
    if (before?.countedDay === day) return true;
    const withinRuns = limit.runsPerDay === undefined ? sql`true` : sql`${ruleDays.runs} < ${limit.runsPerDay}`;
    const withinTokens = limit.tokensPerDay === undefined ? sql`true` : sql`${ruleDays.tokens} < ${limit.tokensPerDay}`;
    const counted = await tx
      .insert(ruleDays)
      .values({ ruleName: run.ruleName, day, runs: 1 })
      .onConflictDoUpdate({
        target: [ruleDays.ruleName, ruleDays.day],
        set: { runs: sql`${ruleDays.runs} + 1` },
        setWhere: sql`${withinRuns} and ${withinTokens}`,
      })
      .returning({ runs: ruleDays.runs });
    if (counted.length === 0) return false;
    await tx.update(runs).set({ countedDay: day }).where(eq(runs.id, run.id));
    // It was asked for on an earlier day, and refused.
    if (before?.countedDay != null)
      await tx
        .update(ruleDays)
        .set({ runs: sql`greatest(0, ${ruleDays.runs} - 1)` })
        .where(and(eq(ruleDays.ruleName, run.ruleName), eq(ruleDays.day, before.countedDay)));
    return true;
  });
}

export type WorkflowUsage = {
  readonly workflowRunId: string;
  readonly tokens: number;
  readonly elapsedMs: number;
  readonly cost: { readonly amount: number; readonly currency: string } | undefined;
};

/** Adds what a workflow run used to its run and to its rule's day, once. @returns whether it was this time */
export async function recordUsage(
  db: Db,
  run: { readonly id: string; readonly ruleName: string },
  { workflowRunId, tokens, elapsedMs, cost }: WorkflowUsage,
  nowMs: number,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const news = await tx
      .update(runs)
      .set({
        usageRunId: workflowRunId,
        totalTokens: tokens,
        elapsedMs,
        ...(cost ? { cost: cost.amount, currency: cost.currency } : {}),
      })
      .where(and(eq(runs.id, run.id), or(isNull(runs.usageRunId), ne(runs.usageRunId, workflowRunId))))
      .returning({ id: runs.id });
    if (news.length === 0) return false;
    const costs = cost ? { [cost.currency]: cost.amount } : {};
    await tx
      .insert(ruleDays)
      .values({ ruleName: run.ruleName, day: dayOf(nowMs), tokens, elapsedMs, costs })
      .onConflictDoUpdate({
        target: [ruleDays.ruleName, ruleDays.day],
        set: {
          tokens: sql`${ruleDays.tokens} + ${tokens}`,
          elapsedMs: sql`${ruleDays.elapsedMs} + ${elapsedMs}`,
          ...(cost
            ? {
                costs: sql`${ruleDays.costs} || jsonb_build_object(${cost.currency}::text,
                  coalesce((${ruleDays.costs} ->> ${cost.currency}::text)::float8, 0) + ${cost.amount}::float8)`,
              }
            : {}),
        },
      });
    return true;
  });
}
