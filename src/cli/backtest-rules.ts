import { type BacktestReport, backtestRules as createBacktest } from "../../handlers/backtest-rules.ts";
import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { PermanentError } from "../errors.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { silentLog } from "../telemetry/log.ts";
import { counted, timeOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";
import { openUpstreams } from "../upstreams.ts";
import { askRelay, inLedgerOrRelay, refusalOf } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { loadCompiledRules } from "./load-settings.ts";
import { formatTable, type TableRoom } from "./print-table.ts";
import { createProgress } from "./progress.ts";
import { requireFastioKey } from "./with-fastio.ts";

export type BacktestOptions = {
  /** How far back, in milliseconds. */
  readonly since: number;
  readonly rule?: string;
  readonly json: boolean;
};

/** Files told of each rule in words; `--json` tells all. */
const MOST_FILES = 10;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/**
 * What the rules file as it is now, or the rules in force in the relay that is asked, would have made of the events the
 * ledger remembers. Nothing is started.
 */
export async function backtestRules(context: CliContext, options: BacktestOptions): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const progress = createProgress(context);
  progress.show("trying the rules on past events …");
  let told: BacktestReport | undefined;
  try {
    told = await inLedgerOrRelay(
      config,
      (db) => inLedger(context, config, db, options),
      () => throughRelay(context, config, options),
    );
  } finally {
    progress.clear();
  }
  if (!told) return 1;
  const { sinceMs, oldestEventMs: _oldest, retentionMs: _kept, ...found } = told;
  const note = whatIsForgotten(told);
  if (options.json) {
    context.print(JSON.stringify({ since: new Date(sinceMs).toISOString(), note: note ?? null, ...found }));
    return 0;
  }
  context.print(
    `${counted(told.events, "event")} since ${timeOf(sinceMs)}; ${counted(told.read, "file")} looked at in Fast.io, ${counted(told.gone, "event")} of files that are gone`,
  );
  if (note !== undefined) context.print(note);
  context.print("");
  context.print(tableOf(context, told.rules));
  for (const one of told.rules) for (const line of detailsOf(one)) context.print(line);
  return 0;
}

async function inLedger(
  context: CliContext,
  config: Config,
  db: Db,
  { since, rule }: BacktestOptions,
): Promise<BacktestReport> {
  requireFastioKey(config);
  const rules = await loadCompiledRules(config.rulesFile);
  const upstreams = openUpstreams(config, { clock: systemClock, random: Math.random, log: silentLog });
  try {
    const { fastio, appOf } = upstreams;
    const tryRules = createBacktest({ db, clock: systemClock, fastio, appOf, config, rules: () => rules });
    const outcome = await tryRules({ hours: since / HOUR_MS, rule }, context.signal);
    if (outcome.kind === "tried") return outcome.report;
    throw new PermanentError(
      "usage_invalid",
      `${config.rulesFile} has no rule of this name; it has ${outcome.known.join(", ")}`,
    );
  } finally {
    await upstreams.close();
  }
}

async function throughRelay(
  context: CliContext,
  config: Config,
  { since, rule }: BacktestOptions,
): Promise<BacktestReport | undefined> {
  const query = new URLSearchParams({ hours: String(since / HOUR_MS), ...(rule === undefined ? {} : { rule }) });
  const answer = await askRelay(context, config, { path: `/api/rules/backtest?${query}` });
  if (answer && answer.status < 300) return answer.told as BacktestReport; // our own API
  if (answer) context.warn(plain(refusalOf(answer)));
  return undefined;
}

/** Finished work is forgotten after some days, and what nobody remembers cannot be tried. */
function whatIsForgotten({ sinceMs, oldestEventMs, retentionMs }: BacktestReport): string | undefined {
  if (oldestEventMs === null) return "the ledger remembers no event";
  return sinceMs < systemClock.now() - retentionMs
    ? `the ledger remembers ${retentionMs / DAY_MS} days (RETENTION_DAYS); its oldest event is of ${timeOf(oldestEventMs)}`
    : undefined;
}

const tableOf = (context: TableRoom, rules: BacktestReport["rules"]): string =>
  formatTable(
    context,
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

function detailsOf({ rule, ran, wouldBeNew, notTaken }: BacktestReport["rules"][number]): readonly string[] {
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
