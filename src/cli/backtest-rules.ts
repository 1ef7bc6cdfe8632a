import { backtest, type RuleBacktest } from "../../queues/events/backtest.ts";
import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { timeOf } from "../dashboard/layout.ts";
import { PermanentError } from "../errors.ts";
import { oldestEventMs } from "../ledger/backtest-queries.ts";
import { type Db, openLedger } from "../ledger/open-ledger.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { silentLog } from "../telemetry/log.ts";
import { openUpstreams } from "../upstreams.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { loadCompiledRules } from "./load-settings.ts";
import { formatTable, plain } from "./print-table.ts";

export type BacktestOptions = {
  /** How far back, in milliseconds. */
  readonly since: number;
  readonly rule?: string;
  readonly json: boolean;
};

/** Files told of each rule in words; `--json` tells all. */
const MOST_FILES = 10;

/** What the rules file as it is now would have made of the events the ledger remembers. Nothing is started. */
export async function backtestRules(context: CliContext, options: BacktestOptions): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  if (!config.fastio.apiKey) {
    throw new PermanentError("config_invalid", "The environment does not fit:\n  FASTIO_API_KEY: is needed for this", {
      failure: "misconfigured",
    });
  }
  const rules = await rulesToTry(config, options.rule);
  const sinceMs = systemClock.now() - options.since;
  const ledger = await openLedger(config.ledger.url, silentLog);
  const upstreams = openUpstreams(config, { clock: systemClock, random: Math.random, log: silentLog });
  try {
    const { fastio, appOf } = upstreams;
    const told = await backtest({ db: ledger.db, clock: systemClock, fastio, appOf }, rules, sinceMs, context.signal);
    const note = await whatIsForgotten(ledger.db, config, sinceMs);
    if (options.json) {
      context.print(JSON.stringify({ since: new Date(sinceMs).toISOString(), note: note ?? null, ...told }));
      return 0;
    }
    context.print(
      `${told.events} events since ${timeOf(sinceMs)}; ${told.read} files looked at in Fast.io, ${told.gone} events of files that are gone`,
    );
    if (note !== undefined) context.print(note);
    context.print("");
    context.print(tableOf(told.rules));
    for (const one of told.rules) for (const line of detailsOf(one)) context.print(line);
    return 0;
  } finally {
    await upstreams.close();
    await ledger.close();
  }
}

async function rulesToTry({ rulesFile }: Config, name: string | undefined): Promise<readonly CompiledRule[]> {
  const rules = await loadCompiledRules(rulesFile);
  const tried = name === undefined ? rules : rules.filter(({ rule }) => rule.name === name);
  if (tried.length > 0) return tried;
  const there = rules.map(({ rule }) => rule.name).join(", ");
  throw new PermanentError("usage_invalid", `${rulesFile} has no rule of this name; it has ${there}`);
}

/** Finished work is forgotten after some days, and what nobody remembers cannot be tried. */
async function whatIsForgotten(db: Db, { ledger }: Config, sinceMs: number): Promise<string | undefined> {
  const oldestMs = await oldestEventMs(db);
  if (oldestMs === null) return "the ledger remembers no event";
  const days = ledger.retentionMs / 86_400_000;
  return sinceMs < systemClock.now() - ledger.retentionMs
    ? `the ledger remembers ${days} days (RETENTION_DAYS); its oldest event is of ${timeOf(oldestMs)}`
    : undefined;
}

const tableOf = (rules: readonly RuleBacktest[]): string =>
  formatTable(
    ["RULE", "RAN", "WOULD BE NEW", "UNDECIDED", "NOT TAKEN", "TOKENS A RUN", "ESTIMATED TOKENS"],
    rules.map((one) => [
      one.rule,
      String(one.ran.length),
      String(one.wouldBeNew.length),
      String(one.undecided),
      String(Object.values(one.notTaken).reduce((sum, count) => sum + count, 0)),
      String(one.tokensPerRun ?? "unknown"),
      String(one.estimatedTokens ?? "unknown"),
    ]),
  );

function detailsOf({ rule, ran, wouldBeNew, notTaken }: RuleBacktest): readonly string[] {
  const shown = [...wouldBeNew, ...ran].slice(0, MOST_FILES);
  const more = ran.length + wouldBeNew.length - shown.length;
  const reasons = Object.entries(notTaken);
  if (shown.length + reasons.length === 0) return [];
  return [
    "",
    `${rule}:`,
    ...shown.map(
      ({ folder, file, run }) =>
        `  ${run === null ? "new " : "ran "} ${plain(folder === "/" ? "" : folder)}/${plain(file)}${run === null ? "" : `  /runs/${run}`}`,
    ),
    ...(more > 0 ? [`  and ${more} more; --json tells all`] : []),
    ...reasons.map(([reason, count]) => `  not  ${count} × ${plain(reason)}`),
  ];
}
