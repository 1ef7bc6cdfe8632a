import { sql } from "drizzle-orm";
import { countRun, dayOf } from "./budgets.ts";
import { doTogether } from "./do-together.ts";
import { linesOf } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { ruleDays, runs } from "./schema.ts";

type CountedRun = { readonly id: string; readonly ruleName: string };

/** What a workflow run used. */
export type WorkflowUsage = {
  readonly workflowRunId: string;
  readonly tokens: number;
  readonly elapsedMs: number;
  readonly cost: { readonly amount: number; readonly currency: string } | undefined;
};

/**
 * Sums of what rules use. All runs of a rule write into the line of its day, one after the other: those of one process
 * do so together.
 */
export type UsageBook = {
  /** Counts a run of a rule without limits among those of the day, once; see `countRun`. */
  count(run: CountedRun, nowMs: number): Promise<void>;
  /** Adds what a workflow run used to its run and to its rule's day, once. @returns whether it was this time */
  record(run: CountedRun, usage: WorkflowUsage, nowMs: number): Promise<boolean>;
};

type Counted = { readonly id: string; readonly day: string };
type Recorded = Counted & { readonly usage: WorkflowUsage };

export function createUsageBook(db: Db): UsageBook {
  const nameOf = ({ id }: Counted): string => id;
  const countTogether = doTogether(createCount(db), { nameOf });
  const recordTogether = doTogether(createRecord(db), { nameOf });
  return {
    count: async (run, nowMs) => {
      // One that was counted on an earlier day moves from there.
      if (!(await countTogether({ id: run.id, day: dayOf(nowMs) }))) await countRun(db, run, {}, nowMs);
    },
    record: ({ id }, usage, nowMs) => recordTogether({ id, day: dayOf(nowMs), usage }),
  };
}

/** @returns in order whether the run was never counted before, and is now */
function createCount(db: Db): (all: readonly Counted[]) => Promise<readonly boolean[]> {
  const marked = db.$with("marked", { id: runs.id }).as(sql`
    update ${runs} run set counted_day = line.day from ${linesOf("lines", { id: "text", day: "text" })}
    where run.id = line.id and run.counted_day is null
    returning run.id, run.rule_name, run.counted_day as day`);
  const counted = db.$with("counted", { day: ruleDays.day }).as(sql`
    insert into ${ruleDays} (rule_name, day, runs)
    select rule_name, day, count(*) from marked group by rule_name, day order by rule_name, day
    on conflict (rule_name, day) do update set runs = ${ruleDays.runs} + excluded.runs`);
  const statement = db.with(marked, counted).select({ id: marked.id }).from(marked).prepare("count_runs");
  return async (all) => {
    const news = await statement.execute({ lines: JSON.stringify(all) });
    return all.map(({ id }) => news.some((one) => one.id === id));
  };
}

const USAGE = {
  id: "text",
  day: "text",
  workflow_run_id: "text",
  tokens: "bigint",
  elapsed_ms: "bigint",
  amount: "float8",
  currency: "text",
} as const;

/** @returns in order whether it is news */
function createRecord(db: Db): (all: readonly Recorded[]) => Promise<readonly boolean[]> {
  const news = db.$with("news", { id: runs.id }).as(sql`
    update ${runs} run
    set usage_run_id = line.workflow_run_id, total_tokens = line.tokens, elapsed_ms = line.elapsed_ms,
      cost = coalesce(line.amount, run.cost), currency = coalesce(line.currency, run.currency)
    from ${linesOf("lines", USAGE)}
    where run.id = line.id and run.usage_run_id is distinct from line.workflow_run_id
    returning run.id, run.rule_name, line.day, line.tokens, line.elapsed_ms, line.amount, line.currency`);
  const summed = db.$with("summed", { day: ruleDays.day }).as(sql`
    insert into ${ruleDays} (rule_name, day, tokens, elapsed_ms, costs)
    select rule_name, day, sum(tokens), sum(elapsed_ms), coalesce((
        select jsonb_object_agg(currency, amount) from (
          select currency, sum(amount) as amount from news spent
          where spent.rule_name = news.rule_name and spent.day = news.day and currency is not null
          group by currency) costs), '{}'::jsonb)
    from news group by rule_name, day order by rule_name, day
    on conflict (rule_name, day) do update set
      tokens = ${ruleDays.tokens} + excluded.tokens,
      elapsed_ms = ${ruleDays.elapsedMs} + excluded.elapsed_ms,
      costs = ${ruleDays.costs} || coalesce((
        select jsonb_object_agg(currency, coalesce((${ruleDays.costs} ->> currency)::float8, 0) + amount::float8)
        from jsonb_each_text(excluded.costs) as spent(currency, amount)), '{}'::jsonb)`);
  const statement = db.with(news, summed).select({ id: news.id }).from(news).prepare("record_usage");
  return async (all) => {
    const lines = all.map(({ id, day, usage: { workflowRunId, tokens, elapsedMs, cost } }) => ({
      ...{ id, day, tokens, amount: cost?.amount ?? null, currency: cost?.currency ?? null },
      ...{ workflow_run_id: workflowRunId, elapsed_ms: elapsedMs },
    }));
    const told = await statement.execute({ lines: JSON.stringify(lines) });
    return all.map(({ id }) => told.some((one) => one.id === id));
  };
}
