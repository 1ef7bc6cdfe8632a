import type { Clock } from "../src/clock.ts";
import { askToCancel } from "../src/ledger/cancel-run.ts";
import { findRun } from "../src/ledger/find-run.ts";
import type { QueuedRun } from "../src/ledger/hand-overs.ts";
import { isParked } from "../src/ledger/is-parked.ts";
import { lookAgain as look } from "../src/ledger/look-again.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { RunRow, RunStatus } from "../src/ledger/schema.ts";
import { lineOf } from "./line-of.ts";

/** Who does something by hand, as it is written down: a role, or a user of this machine. */
export type Actor = string;

/** Who does something by hand, and why. */
export type Why = { readonly actor: Actor; readonly reason?: string | undefined };

export type CancelOutcome =
  | { readonly kind: "unknown_run"; readonly run: string }
  /** @param note what is known of what was under way */
  | { readonly kind: "cancelled"; readonly run: string; readonly note: string }
  /** It is written down, and carried out by the worker that has the run, or by the next one. */
  | { readonly kind: "asked"; readonly run: string }
  /** It had ended otherwise. */
  | {
      readonly kind: "ended";
      readonly run: string;
      readonly status: RunStatus;
      readonly share: string | null;
    };

/** Cancels a run wherever it is on its way. Safe to repeat; the first reason stands. */
export type CancelRun = (id: string, why: Why) => Promise<CancelOutcome>;

export type LookAgainOutcome =
  | { readonly kind: "unknown_run"; readonly run: string }
  | { readonly kind: "looks"; readonly run: string }
  | { readonly kind: "not_parked"; readonly run: string; readonly status: RunStatus };

/** Lets a run that was laid aside be looked for in Dify once more. */
export type LookAgain = (id: string, why: Why) => Promise<LookAgainOutcome>;

export type CancelRunDeps = {
  readonly db: Db;
  readonly clock: Clock;
  /** Hands the run to the queue at once; where there is none, the sweep does it within seconds. */
  readonly sendRuns?: (runs: readonly QueuedRun[]) => Promise<unknown>;
  /** How long to wait for the worker's word before only the wish is told, in milliseconds. */
  readonly waitMs: number;
};

const LOOK_EVERY_MS = 200;

export const cancelRun =
  ({ db, clock, sendRuns, waitMs }: CancelRunDeps): CancelRun =>
  async (id, { actor, reason }) => {
    const asked = await askToCancel(db, id, { actor, reason: lineOf(reason) }, clock.now());
    if (asked.kind === "unknown_run") return { kind: "unknown_run", run: id };
    if (asked.kind !== "asked") return tellEnd(asked.run);
    if (asked.isNew && asked.run.leaseOwner === null) await sendRuns?.([asked.run]);
    const untilMs = clock.now() + waitMs;
    while (clock.now() < untilMs) {
      await clock.sleep(LOOK_EVERY_MS, new AbortController().signal);
      const run = await findRun(db, id);
      if (run && run.finishedAtMs !== null) return tellEnd(run);
    }
    return { kind: "asked", run: id };
  };

function tellEnd({ id, status, shareUrl, errorMessage }: RunRow): CancelOutcome {
  if (status !== "cancelled") return { kind: "ended", run: id, status, share: shareUrl };
  return { kind: "cancelled", run: id, note: errorMessage ?? "" };
}

export const lookAgain =
  ({ db, clock, sendRuns }: Omit<CancelRunDeps, "waitMs">): LookAgain =>
  async (id, { actor, reason }) => {
    const run = await findRun(db, id);
    if (!run) return { kind: "unknown_run", run: id };
    const why = { actor, reason: lineOf(reason) };
    const queued = isParked(run) ? await look(db, id, why, clock.now()) : undefined;
    if (!queued) return { kind: "not_parked", run: id, status: run.status };
    await sendRuns?.([queued]);
    return { kind: "looks", run: id };
  };
