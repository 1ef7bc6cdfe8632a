import { z } from "zod";
import { type BacktestDeps, backtest } from "../queues/events/backtest.ts";
import type { Config } from "../src/config.ts";
import { oldestEventMs } from "../src/ledger/backtest-queries.ts";
import type { CompiledRule } from "../src/rules/compile-rules.ts";
import type { Told } from "./told.ts";

const HOUR_MS = 3_600_000;
/** A year: finished work is forgotten after some months. */
const MOST_HOURS = 365 * 24;

export const BacktestQuery = z.strictObject({
  hours: z.coerce.number().positive().max(MOST_HOURS).default(720).describe("How far back it looks"),
  rule: z.string().max(63).optional().describe("This rule alone; without it, all of them"),
});

const Firing = z
  .object({
    event: z.string(),
    file: z.string(),
    folder: z.string(),
    run: z.string().nullable().describe("The run there is of it already; null: it would be new"),
  })
  .meta({ id: "Firing" });

const RuleBacktest = z
  .object({
    rule: z.string(),
    ran: z.array(Firing),
    wouldBeNew: z.array(Firing),
    notTaken: z.record(z.string(), z.int()).describe("Why it would not have taken the others, with how many"),
    undecided: z.int().describe("Events that only the file's bytes or its actor's address decide"),
    tokensPerRun: z.number().nullable(),
    estimatedTokens: z.number().nullable(),
  })
  .meta({ id: "RuleBacktest" });

export const BacktestReport = z
  .object({
    sinceMs: z.int(),
    events: z.int(),
    read: z.int().describe("Files that Fast.io was asked about"),
    gone: z.int().describe("Events whose file is not there any more"),
    endedAtMs: z
      .int()
      .nullable()
      .describe("When time was up: events that came later were not looked at; null: all were"),
    oldestEventMs: z.int().nullable().describe("The oldest event that the ledger remembers; null: it remembers none"),
    retentionMs: z.int().describe("For how long it remembers"),
    rules: z.array(RuleBacktest),
  })
  .meta({ id: "BacktestReport" });
export type BacktestReport = Told<typeof BacktestReport>;

export type BacktestOutcome =
  | { readonly kind: "tried"; readonly report: BacktestReport }
  | { readonly kind: "unknown_rule"; readonly known: readonly string[] };

/** @param longestMs when to stop, whatever is left; absent: when all events are looked at */
export type BacktestRules = (
  query: z.output<typeof BacktestQuery>,
  signal: AbortSignal,
  longestMs?: number,
) => Promise<BacktestOutcome>;

/** What the rules in force would have made of past events. Nothing is started. */
export const backtestRules =
  (
    deps: BacktestDeps & { readonly config: Pick<Config, "ledger">; readonly rules: () => readonly CompiledRule[] },
  ): BacktestRules =>
  async ({ hours, rule: name }, signal, longestMs = Number.POSITIVE_INFINITY) => {
    const rules = deps.rules();
    const tried = name === undefined ? rules : rules.filter(({ rule }) => rule.name === name);
    if (tried.length === 0) return { kind: "unknown_rule", known: rules.map(({ rule }) => rule.name) };
    const nowMs = deps.clock.now();
    const sinceMs = Math.round(nowMs - hours * HOUR_MS);
    const told = await backtest(deps, tried, sinceMs, signal, nowMs + longestMs);
    const { retentionMs } = deps.config.ledger;
    return { kind: "tried", report: { sinceMs, ...told, oldestEventMs: await oldestEventMs(deps.db), retentionMs } };
  };
