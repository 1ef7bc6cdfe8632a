import { CATCH_UP_LEASE } from "../src/catch-up/keep-up.ts";
import { createPulls } from "../src/catch-up/pull.ts";
import { searchAgain } from "../src/catch-up/read-search.ts";
import { wantedTypes } from "../src/catch-up/start.ts";
import { createTakeIn } from "../src/catch-up/take-in.ts";
import { findWatched, type WatchedWorkspace } from "../src/catch-up/watched-workspaces.ts";
import type { Clock } from "../src/clock.ts";
import { PermanentError } from "../src/errors.ts";
import type { Fastio } from "../src/fastio/types.ts";
import type { Accept } from "../src/ledger/accept.ts";
import { dropLease, takeLease } from "../src/ledger/leases.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { recordOperatorAction } from "../src/ledger/operator-actions.ts";
import type { PullSource } from "../src/ledger/schema.ts";
import type { CompiledRule } from "../src/rules/compile-rules.ts";
import type { Log } from "../src/telemetry/log.ts";

export type CatchUpNowDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly log: Log;
  readonly fastio: Fastio;
  readonly accept: Accept;
  readonly rules: () => readonly CompiledRule[];
  /** How long the ledger remembers what it did with an event, in milliseconds. */
  readonly retentionMs: number;
};

/** What asking brought for one workspace. */
export type CaughtUp = {
  readonly workspaceId: string;
  /** Events that the ledger had not heard of. */
  readonly fresh: number;
  /** Why it was not asked, or not for all of the time; null: it was. */
  readonly note: string | null;
};

export type CatchUpNow = (
  sinceMs: number,
  signal: AbortSignal,
  options: {
    /** Who wants it. */
    readonly actor: string;
    /** Told before each workspace. */
    readonly onWorkspace?: (name: string, done: number, total: number) => void;
  },
) => Promise<readonly CaughtUp[]>;

const LEASE_MS = 120_000;
const FORGOTTEN = "asked for no more than RETENTION_DAYS: what came before may be done and forgotten";

const NO_SEARCH = "events cannot be searched here, so not for the time that was asked for";

/** What was read where there is no search: other sources go on from where they were left, and know no moment. */
const noteOn = (sources: readonly PullSource[]): string =>
  sources.includes("listing")
    ? `${NO_SEARCH}: its files were compared with those of the last listing`
    : `${NO_SEARCH}: what came since it was last read was read`;

/**
 * Asks Fast.io for everything since a moment, for each workspace that rules name, and brings what is new to the ledger.
 * What is older than the ledger remembers is not asked for: all of it would count as new, and its files run again.
 */
export const catchUpNow =
  (deps: CatchUpNowDeps): CatchUpNow =>
  async (sinceMs, signal, { actor, onWorkspace = () => undefined }) => {
    const { db, clock } = deps;
    await recordOperatorAction(db, {
      atMs: clock.now(),
      actor,
      action: "catch-up.ask",
      target: "*",
      detail: { sinceMs },
    });
    const caught: CaughtUp[] = [];
    const watched = await findWatched({ fastio: deps.fastio, log: deps.log }, deps.rules(), signal);
    for (const workspace of watched) {
      onWorkspace(workspace.name, caught.length, watched.length);
      caught.push({ workspaceId: workspace.id, ...(await askOne(deps, workspace, sinceMs, signal)) });
    }
    return caught;
  };

async function askOne(
  deps: CatchUpNowDeps,
  workspace: WatchedWorkspace,
  sinceMs: number,
  signal: AbortSignal,
): Promise<Omit<CaughtUp, "workspaceId">> {
  const { db, clock, rules, retentionMs } = deps;
  const rememberedMs = clock.now() - retentionMs;
  const fromMs = Math.max(sinceMs, rememberedMs);
  const base = { ...deps, lookBackMs: clock.now() - fromMs };
  const asking = { ...base, takeIn: createTakeIn({ ...base, wantedTypes: () => wantedTypes(rules()) }) };
  let refusal: PermanentError;
  try {
    const { fresh } = await searchAgain(asking, workspace, fromMs, signal);
    return { fresh, note: sinceMs < rememberedMs ? FORGOTTEN : null };
  } catch (error) {
    if (!(error instanceof PermanentError) || error.code === "unauthorized") throw error;
    refusal = error;
  }
  // No search here. The other sources remember how far they were read, so only one process may read them.
  const owner = deps.newId();
  if (!(await takeLease(db, { name: CATCH_UP_LEASE, owner, untilMs: clock.now() + LEASE_MS }, clock.now())))
    return { fresh: 0, note: `${NO_SEARCH}; the running relay reads what else there is` };
  try {
    const { fresh, sources } = await createPulls(asking).pull({ workspaces: [workspace] }, signal);
    return { fresh, note: sources.length === 0 ? `nothing of it can be read: ${refusal.message}` : noteOn(sources) };
  } finally {
    await dropLease(db, CATCH_UP_LEASE, owner);
  }
}
