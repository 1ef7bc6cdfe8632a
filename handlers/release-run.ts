import type { Clock } from "../src/clock.ts";
import type { QueuedRun } from "../src/ledger/hand-overs.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { releaseRun as release } from "../src/ledger/release-run.ts";
import type { RunStatus } from "../src/ledger/schema.ts";
import type { Why } from "./cancel-run.ts";
import { lineOf } from "./line-of.ts";

export type ReleaseOutcome =
  | { readonly kind: "released"; readonly run: string }
  | { readonly kind: "unknown_run" }
  | { readonly kind: "not_held"; readonly status: RunStatus }
  | { readonly kind: "rule_paused"; readonly rule: string };

/** Lets one held run go on. Asked twice, it goes on once. */
export type ReleaseRun = (id: string, why: Why) => Promise<ReleaseOutcome>;

export const releaseRun =
  ({
    db,
    clock,
    sendRuns,
  }: {
    readonly db: Db;
    readonly clock: Clock;
    /** Hands the run to the queue at once; where there is none, the sweep does it within seconds. */
    readonly sendRuns?: (runs: readonly QueuedRun[]) => Promise<unknown>;
  }): ReleaseRun =>
  async (id, { actor, reason }) => {
    const outcome = await release(db, id, { actor, reason: lineOf(reason) }, clock.now());
    if (outcome.kind === "held_anew") return { kind: "not_held", status: "held" };
    if (outcome.kind !== "released") return outcome;
    await sendRuns?.([outcome.run]);
    return { kind: "released", run: id };
  };
