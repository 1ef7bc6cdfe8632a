import { sql } from "drizzle-orm";
import { linesOf } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { ruleDays, runs } from "./schema.ts";

/** What a workflow run used. */
export type WorkflowUsage = {
  readonly workflowRunId: string;
  readonly tokens: number;
  readonly elapsedMs: number;
  readonly cost: { readonly amount: number; readonly currency: string } | undefined;
};

/** What goes into the sums of a rule's day, once: a run without limits that has begun, or what its workflow run used. */
export type RunUsage = { readonly day: string } & (
  | { readonly kind: "counted" }
  | { readonly kind: "used"; readonly usage: WorkflowUsage }
);

const USAGE = {
  id: "text",
  day: "text",
  runs: "integer",
  workflow_run_id: "text",
  tokens: "bigint",
  elapsed_ms: "bigint",
  amount: "float8",
  currency: "text",
} as const;

/**
 * The part of a statement that sums what runs use, beside another that writes the same down with the runs themselves:
 * what a run had written down before is not summed again.
 * @param written name of the other part, which tells the runs that it wrote
 */
export function sumUsage(db: Db, written: string) {
  const news = db.$with("news", { day: ruleDays.day }).as(sql`
    select run.rule_name, line.day, line.runs, line.tokens, line.elapsed_ms, line.amount, line.currency
    from ${linesOf("usages", USAGE)}
    join ${sql.raw(written)} written on written.id = line.id
    -- As it was before this statement.
    join ${runs} run on run.id = line.id
    where case when line.workflow_run_id is null then run.counted_day is null
      else run.usage_run_id is distinct from line.workflow_run_id end`);
  const summed = db.$with("summed", { day: ruleDays.day }).as(sql`
    insert into ${ruleDays} (rule_name, day, runs, tokens, elapsed_ms, costs)
    select rule_name, day, sum(runs), sum(tokens), sum(elapsed_ms), coalesce((
        select jsonb_object_agg(currency, amount) from (
          select currency, sum(amount) as amount from news spent
          where spent.rule_name = news.rule_name and spent.day = news.day and currency is not null
          group by currency) costs), '{}'::jsonb)
    from news group by rule_name, day order by rule_name, day
    on conflict (rule_name, day) do update set
      runs = ${ruleDays.runs} + excluded.runs,
      tokens = ${ruleDays.tokens} + excluded.tokens,
      elapsed_ms = ${ruleDays.elapsedMs} + excluded.elapsed_ms,
      costs = ${ruleDays.costs} || coalesce((
        select jsonb_object_agg(currency, coalesce((${ruleDays.costs} ->> currency)::float8, 0) + amount::float8)
        from jsonb_each_text(excluded.costs) as spent(currency, amount)), '{}'::jsonb)`);
  return [news, summed] as const;
}

/** @param id of the run */
export function lineOfUsage(id: string, given: RunUsage) {
  const { day } = given;
  if (given.kind === "counted") return { id, day, runs: 1, tokens: 0, elapsed_ms: 0 };
  const { workflowRunId, tokens, elapsedMs, cost } = given.usage;
  return {
    ...{ id, day, runs: 0, tokens, elapsed_ms: elapsedMs, workflow_run_id: workflowRunId },
    ...(cost && { amount: cost.amount, currency: cost.currency }),
  };
}
