import type { RunList, RunSummary } from "../../handlers/run-schemas.ts";
import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { PermanentError, RelayError } from "../errors.ts";
import { folderOf } from "../ledger/folder-of.ts";
import { openLedgerOfRelay } from "../ledger/open-ledger.ts";
import { messageOf } from "../message-of.ts";
import { silentLog } from "../telemetry/log.ts";
import { timeOf } from "../text/figures.ts";
import { filesWords } from "../text/files-words.ts";
import { plain } from "../text/unseen.ts";
import { causeOf, fetchRelay, isHeldByRelay, refusalOf, relayOrigin } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { paintStatus } from "./paint.ts";
import { PAGE } from "./read-pages.ts";
import { howItGoes, resultOf } from "./run-line.ts";
import { pagesOfLedger, type ReadPage, readRunPages } from "./runs.ts";

export type TailOptions = {
  readonly rule?: string;
  readonly status: readonly string[];
  /** Runs from before that are shown first. */
  readonly lines: number;
  readonly json: boolean;
};

const LOOK_EVERY_MS = 1_000;
/** How long one look may take before it counts as an interruption. */
const ANSWER_MS = 10_000;
const LONGEST_PAUSE_MS = 15_000;
/** Changes that are committed late may carry an earlier time than some that were read. */
const OVERLAP_MS = 5_000;
/** Runs of which it is remembered what was printed last, beside those that the next look reads again. */
const MOST_REMEMBERED = 20_000;

/** Where the runs are read; opened anew after an interruption. */
type Source = { readonly name: string; readonly read: ReadPage; close(): Promise<void> };

/** Prints a line for each change of a run until a signal ends it. An interruption is told, and ends by itself. */
export async function tailRuns(context: CliContext, options: TailOptions): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const tell = createTeller(context, options);
  let since: number | undefined;
  let failures = 0;
  let mayOpenEmbedded = true;
  while (!context.signal.aborted) {
    let source: Source | undefined;
    try {
      source = await openSource(context, config, mayOpenEmbedded);
      for (;;) {
        let latest = since ?? 0;
        for await (const runs of readChanges(source.read, since, options.lines)) {
          if (failures > 0) context.warn(`${source.name} is back`);
          failures = 0;
          tell(runs, since);
          latest = runs.reduce((most, { updatedAtMs }) => Math.max(most, updatedAtMs), latest);
        }
        // Only now: pages come in another order than the changes did.
        since = latest;
        // While an embedded ledger is open here, no relay can start; nor would anything in it change.
        if (source.name === EMBEDDED) {
          mayOpenEmbedded = false;
          break;
        }
        await systemClock.sleep(LOOK_EVERY_MS, context.signal);
      }
    } catch (error) {
      if (context.signal.aborted) break;
      if (error instanceof PermanentError && error.code !== "ledger_unavailable") throw error;
      if (failures === 0) context.warn(`${plain(messageOf(error))}; trying again until Ctrl-C`);
      failures += 1;
    } finally {
      await source?.close();
    }
    const pauseMs = Math.min(LONGEST_PAUSE_MS, LOOK_EVERY_MS * 2 ** Math.min(failures, 4));
    await systemClock.sleep(pauseMs, context.signal).catch(() => undefined);
  }
  return 0;
}

const EMBEDDED = "the embedded ledger";

/** The relay that was named, or that holds the embedded ledger; else the ledger. */
async function openSource(context: CliContext, config: Config, mayOpenEmbedded: boolean): Promise<Source> {
  const relay: Source = {
    name: `the relay at ${relayOrigin(config)}`,
    read: (query) => readFromRelay(context, config, query),
    close: async () => undefined,
  };
  const isEmbedded = folderOf(config.ledger.url) !== undefined;
  if (config.ask.url !== undefined || (isEmbedded && !mayOpenEmbedded)) return relay;
  try {
    const ledger = await openLedgerOfRelay(config.ledger.url, silentLog);
    return { name: isEmbedded ? EMBEDDED : "the ledger", read: pagesOfLedger(ledger.db), close: ledger.close };
  } catch (error) {
    if (!isHeldByRelay(error)) throw error;
    return relay;
  }
}

async function readFromRelay(
  context: CliContext,
  config: Config,
  query: Readonly<Record<string, string>>,
): Promise<RunList> {
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(ANSWER_MS)]);
  const path = `/api/runs?${new URLSearchParams(query)}`;
  let response: Response;
  try {
    response = await fetchRelay(context, config, { path, role: "viewer", signal });
  } catch (error) {
    if (error instanceof RelayError) throw error;
    throw new Error(`no relay answers at ${relayOrigin(config)}: ${causeOf(error)}`, { cause: error });
  }
  if (response.ok) return (await response.json()) as RunList; // our own API
  const words = refusalOf({ status: response.status, told: await response.json().catch(() => undefined) });
  if (response.status >= 500) throw new Error(words);
  throw new PermanentError("unauthorized", words, {
    nextAction: "set RELAY_TOKEN to a token of that relay's RELAY_TOKENS",
  });
}

/** The newest runs at first; later all that changed, however many. Within a page the oldest change comes first. */
async function* readChanges(
  read: ReadPage,
  since: number | undefined,
  lines: number,
): AsyncGenerator<readonly RunSummary[]> {
  const oldestFirst = (runs: readonly RunSummary[]): readonly RunSummary[] =>
    runs.toSorted((left, right) => left.updatedAtMs - right.updatedAtMs);
  if (since === undefined) {
    yield oldestFirst((await readRunPages(read, {}, Math.max(1, lines))) ?? []);
    return;
  }
  const query = { updatedAfterMs: String(Math.max(0, since - OVERLAP_MS)), limit: String(PAGE) };
  let before: string | null = null;
  do {
    const page: RunList | undefined = await read(before === null ? query : { ...query, before });
    if (!page) return;
    yield oldestFirst(page.runs);
    before = page.next;
  } while (before !== null);
}

/** Prints what has not been printed of a run yet. */
function createTeller(context: CliContext, { rule, status, lines, json }: TailOptions) {
  const printed = new Map<string, { readonly words: string; readonly atMs: number }>();
  const isWanted = (run: RunSummary): boolean =>
    (rule === undefined || run.rule === rule) && (status.length === 0 || status.includes(run.status));
  return (runs: readonly RunSummary[], since: number | undefined): void => {
    for (const run of runs) {
      const words = `${run.status} ${run.progress} ${run.finishedAtMs}`;
      const isKnown = printed.get(run.id)?.words === words;
      // Those that changed last stand last, so that the others are forgotten first.
      printed.delete(run.id);
      printed.set(run.id, { words, atMs: run.updatedAtMs });
      if (!isKnown && isWanted(run) && !(since === undefined && lines === 0)) context.print(lineOf(context, run, json));
    }
    for (const [id, { atMs }] of printed) {
      if (printed.size <= MOST_REMEMBERED || atMs > (since ?? 0) - OVERLAP_MS) break;
      printed.delete(id);
    }
  };
}

function lineOf(context: CliContext, run: RunSummary, json: boolean): string {
  if (json) {
    const { progress, updatedAtMs } = run;
    return JSON.stringify({ at: new Date(updatedAtMs).toISOString(), ...resultOf(run), progress });
  }
  const words = [
    timeOf(run.updatedAtMs).slice(11, 19),
    run.id,
    paintStatus(context, run.status, run.status.padEnd(10)),
  ];
  return [...words, plain(run.rule), plain(filesWords(run)), howItGoes(run)].filter((word) => word !== "").join("  ");
}
