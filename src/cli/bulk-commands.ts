import { type Command, InvalidArgumentError, Option } from "commander";
import { DEFAULT_RATE, MOST_RATE } from "../../handlers/bulk-schemas.ts";
import type { BulkOptions } from "./bulk.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { parseCount, statusOption } from "./parse-options.ts";

const PER_MINUTE: Readonly<Record<string, number>> = { s: 60, m: 1, h: 1 / 60 };

/** `30/m`, `2/s`, `600/h`, or a number of runs a minute. @returns runs a minute */
function parseRate(text: string): number {
  const read = /^(\d{1,6})(?:\/(s|m|h))?$/.exec(text.trim());
  const perMinute = Math.ceil(Number(read?.[1]) * (PER_MINUTE[read?.[2] ?? "m"] ?? 1));
  if (perMinute >= 1 && perMinute <= MOST_RATE) return perMinute;
  throw new InvalidArgumentError(`must be a rate such as 30/m, 2/s or 600/h, up to ${MOST_RATE}/m.`);
}

/** What commands take that do the same to one run as to many. */
export type ManyOptions = {
  readonly rule?: string;
  readonly status: readonly string[];
  readonly error?: string;
  readonly since?: string;
  readonly until?: string;
  readonly q?: string;
  readonly rate: number;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly reason?: string;
  readonly json: boolean;
};

/** Options that choose many runs, in place of their ids. */
export const withManyRuns = (command: Command): Command =>
  command
    .option("--rule <name>", "instead of ids: all runs of this rule")
    .addOption(statusOption("… that stand so"))
    .option("--error <code>", "… that ended with this error")
    .option("--since <time>", "… made since, such as 7d or 2026-11-22")
    .option("--until <time>", "… made before")
    .option("--q <text>", "… that a search for this finds")
    .addOption(
      new Option("--rate <rate>", "how fast, such as 30/m")
        .default(DEFAULT_RATE, `${DEFAULT_RATE}/m`)
        .argParser(parseRate),
    )
    .option("--dry-run", "tell which runs, how many tokens and how long; do nothing", false)
    .option("--yes", "do it; without it, the same is told and nothing is done", false);

/** @returns what to do to many runs; undefined when no filter is given, and ids are */
export function manyOf(
  action: BulkOptions["action"],
  { rule, status, error, since, until, q, rate, dryRun, yes, reason, json }: ManyOptions,
  version: BulkOptions["version"] = "newest",
): BulkOptions | undefined {
  const named = { q, rule, status: status.join(","), error, since, until };
  const filter = Object.fromEntries(
    Object.entries(named).flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, value]])),
  );
  if (Object.keys(filter).length === 0) return undefined;
  return { action, filter, version, reason, rate, dryRun, yes, json };
}

/** What was done to many runs at once. */
export function addBulkCommands(
  program: Command,
  context: CliContext,
  end: (result: ExitCode | Promise<ExitCode>) => Promise<void>,
): void {
  const bulk = program.command("bulk").description("what is done to many runs at once");
  bulk
    .command("list")
    .description("newest first")
    .option("--limit <count>", "how many", parseCount, 20)
    .option("--json", "one JSON object per line", false)
    .action((options: { json: boolean; limit: number }) =>
      end(import("./bulk.ts").then(({ listBulks }) => listBulks(context, options))),
    );
  bulk
    .command("show")
    .description("how far it is, and to which runs it was not done")
    .argument("<id>")
    .option("--json", "as JSON", false)
    .action((id: string, options: { json: boolean }) =>
      end(import("./bulk.ts").then(({ showBulk }) => showBulk(context, id, options))),
    );
  bulk
    .command("abort")
    .description("stop before the next run; what was done stays done")
    .argument("<id>")
    .option("--reason <text>", "why; it is written down")
    .option("--json", "as JSON", false)
    .action((id: string, options: { json: boolean; reason?: string }) =>
      end(import("./bulk.ts").then(({ abortBulk }) => abortBulk(context, id, options))),
    );
}
