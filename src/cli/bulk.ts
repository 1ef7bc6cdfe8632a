import { createBulkRuns } from "../../handlers/bulk-runs.ts";
import {
  type BulkBody,
  type BulkList,
  type BulkPlan,
  BulkQuery,
  type BulkStory,
  type BulkSummary,
  MOST_BULKS,
} from "../../handlers/bulk-schemas.ts";
import { createReadBulk } from "../../handlers/read-bulk.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { filterWords, whyNotBegun } from "../dashboard/bulk-words.ts";
import { counted, spanOf, timeOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import { plain } from "../text/unseen.ts";
import { askRelay, findInRelay, inLedgerOrRelay, readRelay, refusalOf } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { formatTable } from "./print-table.ts";
import { readPages } from "./read-pages.ts";
import { sayNone } from "./say-none.ts";
import { whoAmI } from "./who-am-i.ts";

export type BulkOptions = {
  readonly action: BulkBody["action"];
  readonly filter: Readonly<Record<string, string>>;
  readonly version: BulkBody["version"];
  readonly reason?: string | undefined;
  /** Runs a minute. */
  readonly rate: number;
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
};

type Begun = { readonly bulk: string; readonly matches: number };

const newId = (): string => crypto.randomUUID();

/** Tells what would be done to the runs of a filter, and with `--yes` begins it. A running relay carries it out. */
export async function bulkRuns(context: CliContext, options: BulkOptions): Promise<ExitCode> {
  const plan = await ask<BulkPlan>(context, options, true);
  if (!plan) return 1;
  const isToBegin = options.yes && !options.dryRun;
  if (!options.json) printPlan(context, plan, options);
  if (!isToBegin) {
    if (options.json) context.print(JSON.stringify({ dryRun: true, ...plan }));
    else if (plan.matches > 0 && !options.dryRun) context.warn("Nothing was done: --yes does it.");
    return 0;
  }
  if (plan.matches === 0) return 1;
  const begun = await ask<Begun>(context, { ...options, filter: plan.fixed, expect: plan.matches }, false);
  if (!begun) return 1;
  if (options.json) context.print(JSON.stringify({ dryRun: false, ...begun }));
  else context.print(`It is begun, and goes on while a relay runs: relay bulk show ${begun.bulk}`);
  return 0;
}

async function ask<Answer>(
  context: CliContext,
  wish: BulkOptions & { readonly expect?: number },
  dryRun: boolean,
): Promise<Answer | undefined> {
  const config = parseConfig(context.environment);
  const { action, filter, version, reason, rate, expect } = wish;
  const own = { action, version, reason, rate, expect, key: undefined };
  return inLedgerOrRelay<Answer | undefined>(
    config,
    async (db) => {
      const bulk = createBulkRuns({ db, clock: systemClock, newId });
      const outcome = dryRun ? await bulk.plan(own, filter) : await bulk.begin(own, filter, whoAmI());
      switch (outcome.kind) {
        case "planned":
          return outcome.plan as Answer; // asked for by who calls
        case "begun":
          return { bulk: outcome.id, matches: outcome.total } as Answer;
        case "wrong_filter":
          for (const { name, reason: why } of outcome.problems) context.warn(`--${name} ${plain(why)}`);
          return undefined;
        default:
          context.warn(whyNotBegun(outcome));
          return undefined;
      }
    },
    async () => {
      const body = {
        ...own,
        dryRun,
        filter: { ...filter, ...(filter["status"] && { status: filter["status"].split(",") }) },
      };
      const answer = await askRelay(context, config, { path: "/api/runs/bulk", body });
      if (answer && answer.status < 300) return answer.told as Answer; // our own answers
      if (answer) context.warn(plain(refusalOf(answer)));
      return undefined;
    },
  );
}

function printPlan(context: CliContext, plan: BulkPlan, { action, rate }: BulkOptions): void {
  const { matches, groups, workflows, estimatedTokens, unknownRules, estimatedMs, sample } = plan;
  const meant = plan.statuses.length === 0 ? "where there is nothing to be done" : plan.statuses.join(", ");
  context.print(`${action}: ${counted(matches, "run")} (${plain(filterWords(plan.filter))}; ${meant})`);
  if (matches === 0) return;
  context.print(
    formatTable(
      context,
      ["RULE", "STATUS", "RUNS"],
      groups.map(({ rule, status, count }) => [rule, status, String(count)]),
    ),
  );
  const tokens = estimatedTokens === null ? "an unknown number of" : `about ${estimatedTokens}`;
  if (workflows > 0) context.print(`${counted(workflows, "workflow run")}, ${tokens} tokens`);
  if (unknownRules.length > 0) context.print(`not in it, since no run tells: ${unknownRules.join(", ")}`);
  context.print(
    `at ${rate} a minute; ${estimatedMs === null ? "for an unknown time" : `about ${spanOf(estimatedMs)}`}`,
  );
  context.print(`such as ${sample.map((run) => plain(filesWords(run))).join(", ")}`);
}

/** What was done to many runs, newest first. */
export async function listBulks(
  context: CliContext,
  { json, limit }: { readonly json: boolean; readonly limit: number },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const readAll = (read: (query: Readonly<Record<string, string>>) => Promise<BulkList | undefined>) =>
    readPages(
      async (query) => {
        const page = await read(query);
        return page && { items: page.bulks, next: page.next };
      },
      {},
      limit,
      MOST_BULKS,
    );
  const bulks = await inLedgerOrRelay(
    config,
    (db) => readAll((query) => createReadBulk({ db, clock: systemClock }).list(BulkQuery.parse(query))),
    () =>
      readAll((query) => readRelay<BulkList>(context, config, `/api/bulk?${new URLSearchParams(query)}`, "operator")),
  );
  if (!bulks) return 1;
  if (json) for (const bulk of bulks) context.print(JSON.stringify(bulk));
  else if (bulks.length === 0) context.print("Nothing was done to many runs at once yet.");
  else
    context.print(
      formatTable(
        context,
        ["ID", "WHAT", "STATE", "DONE", "WHO", "BEGAN"],
        bulks.map((bulk) => [
          bulk.id,
          bulk.action,
          bulk.state,
          `${bulk.done} of ${bulk.total}`,
          plain(bulk.askedBy),
          timeOf(bulk.createdAtMs),
        ]),
      ),
    );
  return 0;
}

/** How far something is that is done to many runs. */
export async function showBulk(
  context: CliContext,
  id: string,
  { json }: { readonly json: boolean },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const story = await inLedgerOrRelay(
    config,
    async (db) => (await createReadBulk({ db, clock: systemClock }).story(id)) ?? null,
    () => findInRelay<BulkStory>(context, config, { path: `/api/bulk/${encodeURIComponent(id)}` }),
  );
  if (story === null) sayNone(context, "bulk action", id);
  if (!story) return 1;
  if (json) context.print(JSON.stringify(story));
  else {
    printBulk(context, story);
    for (const { run, file, moreFiles, outcome, note } of story.notDone) {
      const files = file === null ? "forgotten" : filesWords({ file, moreFiles });
      context.print(`${run}  ${plain(files)}  ${outcome}: ${plain(note ?? "")}`);
    }
  }
  return 0;
}

/** Stops what is done to many runs before its next run. */
export async function abortBulk(
  context: CliContext,
  id: string,
  { reason, json }: { readonly reason?: string; readonly json: boolean },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const bulk = await inLedgerOrRelay<BulkSummary | null | undefined>(
    config,
    async (db) => (await createReadBulk({ db, clock: systemClock }).abort(id, { actor: whoAmI(), reason })) ?? null,
    () =>
      findInRelay<BulkSummary>(context, config, {
        path: `/api/bulk/${encodeURIComponent(id)}/abort`,
        body: { reason },
      }),
  );
  if (bulk === null) sayNone(context, "bulk action", id);
  if (!bulk) return 1;
  if (json) context.print(JSON.stringify(bulk));
  else printBulk(context, bulk);
  return 0;
}

function printBulk(context: CliContext, bulk: BulkSummary): void {
  const { id, action, state, total, done, already, refused, left, askedBy, reason, endsAtMs } = bulk;
  const end = endsAtMs === null ? "" : `, until about ${timeOf(endsAtMs)}`;
  context.print(`${id}: ${action} of ${counted(total, "run")}, ${state}${end}`);
  context.print(`${done} done, ${already} were so already, ${refused} refused, ${left} left`);
  context.print(`asked for by ${plain(askedBy)}${reason === null ? "" : `: ${plain(reason)}`}`);
}
