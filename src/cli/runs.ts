import { createReadRuns } from "../../handlers/read-runs.ts";
import type { RunList, RunStory, RunSummary } from "../../handlers/run-schemas.ts";
import { readRunSearch, type SearchField } from "../../handlers/run-search-query.ts";
import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { runNote } from "../dashboard/run-note.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { timeOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import { plain } from "../text/unseen.ts";
import { findInRelay, inLedgerOrRelay, readRelay } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { paintStatus } from "./paint.ts";
import { printRun } from "./print-run.ts";
import { formatTable, SHARE_OR_NOTE } from "./print-table.ts";
import { readPages } from "./read-pages.ts";
import { resultOf } from "./run-line.ts";
import { sayNone } from "./say-none.ts";

/** Where the options stand as they were written; the one field for everything is an argument. */
export type ListRunsOptions = Readonly<Partial<Record<Exclude<SearchField, "q" | "status">, string>>> & {
  readonly status: readonly string[];
  readonly json: boolean;
  readonly limit: number;
};

export type ReadPage = (query: Readonly<Record<string, string>>) => Promise<RunList | undefined>;

/**
 * The newest runs, page by page, up to `limit`.
 * @returns undefined when a page could not be read
 */
export const readRunPages = (
  read: ReadPage,
  query: Readonly<Record<string, string>>,
  limit: number,
): Promise<readonly RunSummary[] | undefined> =>
  readPages(
    async (wanted) => {
      const page = await read(wanted);
      return page && { items: page.runs, next: page.next };
    },
    query,
    limit,
  );

export const pagesOfLedger = (db: Db): ReadPage => createReadRuns(db).list;

/** Reads the list of runs as the running relay tells it. */
const pagesOfRelay =
  (context: CliContext, config: Config): ReadPage =>
  (query) =>
    readRelay<RunList>(context, config, `/api/runs?${new URLSearchParams(query)}`);

/** Newest runs first. @param what anything that is looked for; undefined: all runs */
export async function listRuns(
  context: CliContext,
  what: string | undefined,
  options: ListRunsOptions,
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const { json: _json, limit: _limit, status, ...filters } = options;
  const query = Object.fromEntries(
    Object.entries({ q: what, ...filters, status: status.join(",") || undefined }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );
  const { problems } = readRunSearch(query, systemClock.now());
  for (const { name, reason } of problems) context.warn(plain(`${name === "q" ? "what" : `--${name}`}: ${reason}`));
  if (problems.length > 0) return 2;
  const runs = await inLedgerOrRelay(
    config,
    (db) => readRunPages(pagesOfLedger(db), query, options.limit),
    () => readRunPages(pagesOfRelay(context, config), query, options.limit),
  );
  if (!runs) return 1;
  if (options.json) for (const run of runs) context.print(JSON.stringify(resultOf(run)));
  else if (runs.length === 0) context.print(Object.keys(query).length === 0 ? "No runs yet." : "No such run.");
  else {
    context.print(
      formatTable(
        context,
        ["RUN", "FILE", "RULE", "STATUS", "CAME", SHARE_OR_NOTE],
        runs.map((run) => [
          run.id,
          plain(filesWords(run)),
          run.rule,
          paintStatus(context, run.status),
          timeOf(run.createdAtMs),
          run.shadow ? "shadow: nowhere" : plain(run.share ?? runNote(run)),
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
    async (db) => (await createReadRuns(db).story(id)) ?? null,
    () => findInRelay<RunStory>(context, config, { path: `/api/runs/${encodeURIComponent(id)}`, role: "viewer" }),
  );
  if (story === null) sayNone(context, "run", id);
  if (!story) return 1;
  if (options.json) context.print(JSON.stringify(story));
  else printRun(context, story);
  return 0;
}
