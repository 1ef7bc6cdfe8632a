import type { Clock } from "../src/clock.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { replayRun as replay } from "../src/ledger/replay-run.ts";
import { recordOperatorAction } from "../src/ledger/rule-state-queries.ts";
import type { RunStatus } from "../src/ledger/schema.ts";
import type { Actor } from "./cancel-run.ts";

export type ReplayOutcome =
  | { readonly kind: "replayed"; readonly run: string }
  | { readonly kind: "unknown_run" }
  /** It is on its way already, or delivered. */
  | { readonly kind: "not_ended"; readonly status: RunStatus };

export type ReplayRun = (id: string, actor: Actor) => Promise<ReplayOutcome>;

/** Lets a run that ended badly begin again, by hand. Asked twice, it begins once. */
export const replayRun =
  ({ db, clock }: { readonly db: Db; readonly clock: Clock }): ReplayRun =>
  (id, actor) =>
    db.transaction(async (tx) => {
      const nowMs = clock.now();
      const outcome = await replay(tx, id, nowMs);
      if (outcome.kind !== "replayed") return outcome;
      const detail = { from: outcome.from };
      await recordOperatorAction(tx, { atMs: nowMs, actor, action: "run.replay", target: id, detail });
      return { kind: "replayed", run: id };
    });
