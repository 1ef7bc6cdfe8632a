import { and, eq, isNull } from "drizzle-orm";
import { HANDED_OVER_ANEW, type QueuedRun } from "./hand-overs.ts";
import { NO_FAULT } from "./no-fault.ts";
import type { Db } from "./open-ledger.ts";
import { recordOperatorAction } from "./operator-actions.ts";
import { runs } from "./schema.ts";

/**
 * Hands a run over anew that was laid aside for a person, and writes down who wanted it. What the ledger knows of its
 * workflow run stands, so that it is looked for and not started.
 * @returns what the queue is to be told; undefined when the run is not laid aside (any more)
 */
export async function lookAgain(
  db: Db,
  id: string,
  { actor, reason }: { readonly actor: string; readonly reason: string | null },
  nowMs: number,
): Promise<QueuedRun | undefined> {
  return db.transaction(async (tx) => {
    const [queued] = await tx
      .update(runs)
      .set({
        status: "running",
        queue: "runs",
        ...HANDED_OVER_ANEW,
        failures: 0,
        ...NO_FAULT,
        updatedAtMs: nowMs,
      })
      .where(and(eq(runs.id, id), eq(runs.status, "paused"), isNull(runs.queue)))
      .returning({ id: runs.id, queue: runs.queue, generation: runs.generation });
    if (queued)
      await recordOperatorAction(tx, { atMs: nowMs, actor, action: "run.look_again", target: id, detail: { reason } });
    return queued;
  });
}
