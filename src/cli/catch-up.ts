import { randomUUID } from "node:crypto";
import { CATCH_UP_LEASE } from "../catch-up/keep-up.ts";
import { createPull } from "../catch-up/pull.ts";
import { searchAgain } from "../catch-up/read-search.ts";
import { wantedTypes } from "../catch-up/start.ts";
import { createTakeIn } from "../catch-up/take-in.ts";
import { findWatched, type WatchedWorkspace } from "../catch-up/watched-workspaces.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { timeOf } from "../dashboard/layout.ts";
import { PermanentError } from "../errors.ts";
import type { Fastio } from "../fastio/types.ts";
import { createAccept } from "../ledger/accept.ts";
import { dropLease, takeLease } from "../ledger/leases.ts";
import { type Db, openLedger } from "../ledger/open-ledger.ts";
import { readSources, type WorkspaceSources } from "../ledger/source-report.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { silentLog } from "../telemetry/log.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { loadCompiledRules } from "./load-settings.ts";
import { formatTable, plain } from "./print-table.ts";
import { withFastio } from "./with-fastio.ts";

export type CatchUpOptions = {
  /** How far back to look, in milliseconds. */
  readonly since: number;
  /** Only tell what the ledger knows; ask Fast.io nothing. */
  readonly report: boolean;
  readonly json: boolean;
};

const clock = systemClock;
const LEASE_MS = 120_000;

/**
 * Asks Fast.io for everything since a moment, brings what is new to the ledger, and tells what came by which way.
 * A running relay takes up what was found; without one, the next start does.
 */
export async function catchUp(context: CliContext, options: CatchUpOptions): Promise<ExitCode> {
  const sinceMs = clock.now() - options.since;
  const ledger = await openLedger(parseConfig(context.environment).ledger.url, silentLog);
  try {
    const searched = options.report ? new Map<string, number>() : await askFastio(context, ledger.db, sinceMs);
    const sources = await readSources(ledger.db, sinceMs, searched.keys());
    print(
      context,
      sources.map((one) => ({ ...one, fresh: searched.get(one.workspaceId) ?? 0 })),
      options,
    );
    return 0;
  } finally {
    await ledger.close();
  }
}

/** @returns by workspace, how many events the ledger had not heard of */
async function askFastio(context: CliContext, db: Db, sinceMs: number): Promise<Map<string, number>> {
  const fresh = new Map<string, number>();
  await withFastio(context, async (fastio, config) => {
    const rules = await loadCompiledRules(config.rulesFile);
    for (const workspace of await findWatched({ fastio, log: silentLog }, rules, context.signal)) {
      fresh.set(workspace.id, await askOne({ db, fastio, rules }, workspace, sinceMs, context));
    }
    return 0;
  });
  return fresh;
}

async function askOne(
  { db, fastio, rules }: { readonly db: Db; readonly fastio: Fastio; readonly rules: readonly CompiledRule[] },
  workspace: WatchedWorkspace,
  sinceMs: number,
  { signal, warn }: CliContext,
): Promise<number> {
  // Nothing is handed to a queue here: the sweep of a running relay does that.
  const accept = createAccept({ db, log: silentLog, onCommitted: () => undefined });
  const base = { db, clock, log: silentLog, fastio, lookBackMs: clock.now() - sinceMs };
  const deps = { ...base, takeIn: createTakeIn({ ...base, accept, wantedTypes: () => wantedTypes(rules) }) };
  try {
    return (await searchAgain(deps, workspace, sinceMs, signal)).fresh;
  } catch (error) {
    if (!(error instanceof PermanentError) || error.code === "unauthorized") throw error;
  }
  // No search here. The other sources remember how far they were read, so only one process may read them.
  const owner = randomUUID();
  if (!(await takeLease(db, { name: CATCH_UP_LEASE, owner, untilMs: clock.now() + LEASE_MS }, clock.now()))) {
    warn(`${plain(workspace.name)}: events cannot be searched here; the running relay reads what else there is`);
    return 0;
  }
  try {
    return (await createPull(deps)({ workspaces: [workspace], thorough: false }, signal)).fresh;
  } finally {
    await dropLease(db, CATCH_UP_LEASE, owner);
  }
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
  for (const { workspaceName, workspaceId, nextAction } of told) {
    if (nextAction !== null) context.print(`${plain(workspaceName ?? workspaceId)}: ${plain(nextAction)}`);
  }
}
