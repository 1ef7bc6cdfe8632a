import { and, eq, gt, isNotNull, or, sql } from "drizzle-orm";
import { WRONG_BY_MS } from "../watch-clock.ts";
import { HANDED_OVER_ANEW, isFree } from "./hand-overs.ts";
import type { Db } from "./open-ledger.ts";
import { appLimits, appSlots, events, runs } from "./schema.ts";

/**
 * Takes back what was held or put off by a clock that was far ahead, and would rest for as long as that was: its events and
 * runs are to be handed over anew. No lease is meant to last as long. When something was put off stands beside it: what is
 * to wait for days, as an upstream asked or a rule wants it, was put off in time, and waits. Of two processes whose clocks
 * differ by as much, the one that is behind takes their runs from the other.
 * @returns how many events and runs
 */
export async function undoFuture(db: Db, nowMs: number): Promise<number> {
  const future = nowMs + WRONG_BY_MS;
  await db.delete(appSlots).where(gt(appSlots.untilMs, future));
  await db
    .update(appLimits)
    .set({ restUntilMs: 0, quietSinceMs: nowMs, changedAtMs: sql`least(${appLimits.changedAtMs}, ${nowMs}::bigint)` })
    .where(gt(appLimits.quietSinceMs, future));
  const eventsLate = await db
    .update(events)
    .set({
      queuedAtMs: null,
      generation: sql`${events.generation} + 1`,
      receivedAtMs: sql`least(${events.receivedAtMs}, ${nowMs}::bigint)`,
    })
    .where(and(eq(events.status, "accepted"), or(gt(events.receivedAtMs, future), gt(events.queuedAtMs, future))))
    .returning({ key: events.key });
  const { queue, leaseUntilMs, dueAtMs, queuedAtMs, updatedAtMs } = runs;
  const runsLate = await db
    .update(runs)
    .set({
      ...HANDED_OVER_ANEW,
      leaseOwner: null,
      leaseUntilMs: 0,
      dueAtMs: sql`greatest(0, ${dueAtMs} - greatest(0, ${updatedAtMs} - ${nowMs}::bigint))`,
      updatedAtMs: sql`least(${updatedAtMs}, ${nowMs}::bigint)`,
    })
    // Somebody is at work on one whose lease has not ended, whatever its other moments are.
    .where(
      isFree(
        sql`${isNotNull(queue)} and (${leaseUntilMs} > ${future} or
          ${leaseUntilMs} < ${nowMs} and (${updatedAtMs} > ${future} or ${queuedAtMs} > ${future}))`,
      ),
    )
    .returning({ id: runs.id });
  return eventsLate.length + runsLate.length;
}
