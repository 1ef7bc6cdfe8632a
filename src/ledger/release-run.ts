import { eq } from "drizzle-orm";
import type { QueuedRun } from "./hand-overs.ts";
import type { Db } from "./open-ledger.ts";
import { recordOperatorAction } from "./operator-actions.ts";
import { onItsWay } from "./release-runs.ts";
import { findRuleState } from "./rule-state-queries.ts";
import { type RunStatus, runs } from "./schema.ts";

export type ReleaseAsked =
  | { readonly kind: "released"; readonly run: QueuedRun }
  | { readonly kind: "unknown_run" }
  | { readonly kind: "not_held"; readonly status: RunStatus }
  /** It has gone on since who asks saw it, and is held anew. */
  | { readonly kind: "held_anew" }
  /** It is its rule that is held. */
  | { readonly kind: "rule_paused"; readonly rule: string };

/**
 * Lets one run go on that is held because there were so many, or because its rule has used up its day; what is over its
 * limit still will be held again. Writes down who wanted it and why.
 * @param wish `seen`: the run's `generation` as who asks saw it
 */
export async function releaseRun(
  db: Db,
  id: string,
  wish: {
    readonly actor: string;
    readonly reason: string | null;
    readonly seen?: number | undefined;
    readonly detail?: Readonly<Record<string, unknown>>;
  },
  nowMs: number,
): Promise<ReleaseAsked> {
  return db.transaction(async (tx) => {
    const [run] = await tx.select().from(runs).where(eq(runs.id, id)).for("update");
    if (!run) return { kind: "unknown_run" };
    if (run.status !== "held") return { kind: "not_held", status: run.status };
    if (wish.seen !== undefined && wish.seen !== run.generation) return { kind: "held_anew" };
    if ((await findRuleState(tx, run.ruleName))?.state === "paused") return { kind: "rule_paused", rule: run.ruleName };
    const [queued] = await tx
      .update(runs)
      .set({
        ...onItsWay(nowMs),
        // A batch that still gathered begins with what it has: a file that joined it now would come too late.
        gatheringKey: null,
      })
      .where(eq(runs.id, id))
      .returning({ id: runs.id, queue: runs.queue, generation: runs.generation });
    if (!queued) return { kind: "unknown_run" };
    const detail = { held: run.errorCode ?? "rule_paused", reason: wish.reason, ...wish.detail };
    await recordOperatorAction(tx, { atMs: nowMs, actor: wish.actor, action: "run.release", target: id, detail });
    return { kind: "released", run: queued };
  });
}
