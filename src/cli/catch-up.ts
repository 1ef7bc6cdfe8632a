import { randomUUID } from "node:crypto";
import { type CaughtUp, catchUpNow } from "../../handlers/catch-up-now.ts";
import type { SourceReport } from "../../handlers/read-sources.ts";
import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { createAccept } from "../ledger/accept.ts";
import { acceptDeliveries } from "../ledger/accept-deliveries.ts";
import type { Db } from "../ledger/open-ledger.ts";
import { readSources, type WorkspaceSources } from "../ledger/source-report.ts";
import { silentLog } from "../telemetry/log.ts";
import { timeOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";
import { askRelay, inLedgerOrRelay, readRelay, refusalOf } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { loadCompiledRules } from "./load-settings.ts";
import { formatTable } from "./print-table.ts";
import { createProgress } from "./progress.ts";
import { whoAmI } from "./who-am-i.ts";
import { withFastio } from "./with-fastio.ts";

export type CatchUpOptions = {
  /** How far back to look, in milliseconds. */
  readonly since: number;
  /** Only tell what the ledger knows; ask Fast.io nothing. */
  readonly report: boolean;
  readonly json: boolean;
};

const clock = systemClock;
const HOUR_MS = 3_600_000;

/**
 * Asks Fast.io for everything since a moment, brings what is new to the ledger, and tells what came by which way.
 * A running relay takes up what was found; without one, the next start does.
 */
export async function catchUp(context: CliContext, options: CatchUpOptions): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const told = await inLedgerOrRelay<readonly Told[] | undefined>(
    config,
    (db) => inLedger(context, db, options),
    () => throughRelay(context, config, options),
  );
  if (!told) return 1;
  print(context, told, options);
  return 0;
}

async function inLedger(context: CliContext, db: Db, { since, report }: CatchUpOptions): Promise<readonly Told[]> {
  const sinceMs = clock.now() - since;
  const caught = report ? [] : await askFastio(context, db, sinceMs);
  for (const { workspaceId, note } of caught) if (note !== null) context.warn(plain(`${workspaceId}: ${note}`));
  const sources = await readSources(
    db,
    sinceMs,
    caught.map(({ workspaceId }) => workspaceId),
  );
  return withFresh(sources, caught);
}

const withFresh = (sources: readonly WorkspaceSources[], caught: readonly CaughtUp[]): readonly Told[] =>
  sources.map((one) => ({
    ...one,
    fresh: caught.find(({ workspaceId }) => workspaceId === one.workspaceId)?.fresh ?? 0,
  }));

function askFastio(context: CliContext, db: Db, sinceMs: number): Promise<readonly CaughtUp[]> {
  return withFastio(context, async (fastio, config) => {
    const rules = await loadCompiledRules(config.rulesFile);
    // Nothing is handed to a queue here: the sweep of a running relay does that.
    const accept = createAccept({
      write: (batch) => acceptDeliveries(db, batch),
      log: silentLog,
      onCommitted: () => undefined,
    });
    const { retentionMs } = config.ledger;
    const deps = { db, clock, newId: randomUUID, log: silentLog, fastio, accept, rules: () => rules, retentionMs };
    const progress = createProgress(context);
    try {
      return await catchUpNow(deps)(sinceMs, context.signal, {
        actor: whoAmI(),
        onWorkspace: (name, done, total) => progress.show(plain(`asking about ${name} …`), done, total),
      });
    } finally {
      progress.clear();
    }
  });
}

async function throughRelay(
  context: CliContext,
  config: Config,
  { since, report }: CatchUpOptions,
): Promise<readonly Told[] | undefined> {
  const hours = since / HOUR_MS;
  let caught: readonly CaughtUp[] = [];
  if (!report) {
    const progress = createProgress(context);
    progress.show("the relay asks Fast.io …");
    const answer = await askRelay(context, config, { path: "/api/catch-up", body: { hours } });
    progress.clear();
    if (!answer) return undefined;
    if (answer.status >= 300) {
      context.warn(plain(refusalOf(answer)));
      return undefined;
    }
    caught = (answer.told as { readonly workspaces: readonly CaughtUp[] }).workspaces; // our own API
    for (const { workspaceId, note } of caught) if (note !== null) context.warn(plain(`${workspaceId}: ${note}`));
  }
  const sources = await readRelay<SourceReport>(context, config, `/api/sources?hours=${hours}`);
  return sources && withFresh(sources.workspaces, caught);
}

/** `fresh`: found by this call and not known before. */
type Told = WorkspaceSources & { readonly fresh: number };

function print(context: CliContext, told: readonly Told[], { json }: CatchUpOptions): void {
  if (json) {
    for (const one of told) context.print(JSON.stringify(one));
    return;
  }
  if (told.length === 0) {
    context.print("Nothing came and nothing was found.");
    return;
  }
  context.print(
    formatTable(
      context,
      ["WORKSPACE", "BY WEBHOOK", "FOUND", "RECOVERED", "NEW NOW", "LAST WEBHOOK", "READ FROM"],
      told.map((one) => [
        plain(one.workspaceName ?? one.workspaceId),
        String(one.received),
        String(one.found),
        String(one.recovered),
        String(one.fresh),
        one.lastReceivedAtMs === null ? "none" : timeOf(one.lastReceivedAtMs),
        plain(one.error ?? one.source ?? ""),
      ]),
    ),
  );
  for (const { workspaceName, workspaceId, nextAction, checkError, checkNextAction } of told) {
    const name = plain(workspaceName ?? workspaceId);
    if (nextAction !== null) context.print(`${name}: ${plain(nextAction)}`);
    // A running relay that is older does not tell of it.
    if (checkError) {
      context.print(`${name}: what the feed leaves out cannot be searched for: ${plain(checkError)}`);
      if (checkNextAction) context.print(`${name}: ${plain(checkNextAction)}`);
    }
  }
}
