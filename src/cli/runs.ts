import { createReadRuns, type RunList, type RunStory, type RunSummary } from "../../handlers/read-runs.ts";
import { type Config, parseConfig } from "../config.ts";
import { timeOf } from "../dashboard/layout.ts";
import { inLedgerOrRelay, readRelay } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { printRun } from "./print-run.ts";
import { formatTable, plain } from "./print-table.ts";
import { resultOf } from "./run-line.ts";

export type RunFilter = { readonly status?: string };
export type ListRunsOptions = RunFilter & { readonly json: boolean; readonly limit: number };

/** What a relay or the ledger tells at a time. */
const PAGE = 500;

export type ReadPage = (query: Readonly<Record<string, string>>) => Promise<RunList | undefined>;

/**
 * The newest runs, page by page, up to `limit`.
 * @returns undefined when a page could not be read
 */
export async function readRunPages(
  read: ReadPage,
  query: Readonly<Record<string, string>>,
  limit: number,
): Promise<readonly RunSummary[] | undefined> {
  const runs: RunSummary[] = [];
  let before: string | null = null;
  do {
    const wanted = String(Math.min(PAGE, limit - runs.length));
    const page: RunList | undefined = await read({ ...query, limit: wanted, ...(before === null ? {} : { before }) });
    if (!page) return undefined;
    runs.push(...page.runs);
    before = page.next;
  } while (before !== null && runs.length < limit);
  return runs;
}

/** Reads the list of runs as the running relay tells it. */
export const pagesOfRelay =
  (context: CliContext, config: Config): ReadPage =>
  (query) =>
    readRelay<RunList>(context, config, `/api/runs?${new URLSearchParams(query)}`);

/** Newest runs first. */
export async function listRuns(context: CliContext, options: ListRunsOptions): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const query = options.status === undefined ? {} : { status: options.status };
  const runs = await inLedgerOrRelay(
    config,
    (db) => readRunPages(createReadRuns(db).list, query, options.limit),
    () => readRunPages(pagesOfRelay(context, config), query, options.limit),
  );
  if (!runs) return 1;
  if (options.json) for (const run of runs) context.print(JSON.stringify(resultOf(run)));
  else if (runs.length === 0) context.print("No runs yet.");
  else {
    context.print(
      formatTable(
        ["RUN", "FILE", "RULE", "STATUS", "CAME", "SHARE"],
        runs.map((run) => [
          run.id,
          plain(run.file),
          run.rule,
          run.status,
          timeOf(run.createdAtMs),
          run.shadow ? "shadow: nowhere" : plain(run.share ?? run.error ?? ""),
        ]),
      ),
    );
  }
  return 0;
}

/** Everything that is known of one run. */
export async function showRun(context: CliContext, id: string, options: { readonly json: boolean }): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const story = await inLedgerOrRelay(
    config,
    async (db) => {
      const found = await createReadRuns(db).story(id);
      if (!found) context.warn(`there is no run ${plain(id)}`);
      return found;
    },
    () => readRelay<RunStory>(context, config, `/api/runs/${encodeURIComponent(id)}`),
  );
  if (!story) return 1;
  if (options.json) context.print(JSON.stringify(story));
  else printRun(context, story);
  return 0;
}
