import type { Clock } from "../src/clock.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { replayRun as replay } from "../src/ledger/replay-run.ts";
import { recordOperatorAction } from "../src/ledger/rule-state-queries.ts";
import type { RunStatus } from "../src/ledger/schema.ts";

export type ReplayOutcome =
  | { readonly kind: "replayed"; readonly run: string }
  | { readonly kind: "unknown_run" }
  /** It is on its way already, or delivered. */
  | { readonly kind: "not_ended"; readonly status: RunStatus };

export type ReplayRun = (id: string) => Promise<ReplayOutcome>;

/** Lets a run that ended badly begin again, by hand. Asked twice, it begins once. */
export const replayRun =
  ({ db, clock }: { readonly db: Db; readonly clock: Clock }): ReplayRun =>
  async (id) => {
    const outcome = await replay(db, id, clock.now());
    if (outcome.kind === "replayed") {
      await recordOperatorAction(db, {
        atMs: clock.now(),
        actor: "operator",
        action: "run.replay",
        target: id,
        detail: { from: outcome.from },
      });
      return { kind: "replayed", run: id };
    }
    return outcome;
  };
