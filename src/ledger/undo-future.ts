import { and, eq, gt, isNotNull, sql } from "drizzle-orm";
import { HANDED_OVER_ANEW, isFree } from "./hand-overs.ts";
import type { Db } from "./open-ledger.ts";
import { appLimits, appSlots, events, runs } from "./schema.ts";

/**
 * Nothing that is under way is put off, or held, for longer. What is was written down by a clock that was far ahead, and
 * would rest for as long as that was; or an upstream asked for more patience, and is asked again all the same.
 */
const LONGEST_MS = 3_600_000;

/**
 * Takes back what was put off or held until a moment that is too far away: its events and runs are to be handed over
 * anew. Of two processes whose clocks differ by as much, the one that is behind takes their runs from the other.
 * @returns how many events and runs
 */
export async function undoFuture(db: Db, nowMs: number): Promise<number> {
  const future = nowMs + LONGEST_MS;
  await db.delete(appSlots).where(gt(appSlots.untilMs, future));
  await db.update(appLimits).set({ restUntilMs: 0 }).where(gt(appLimits.restUntilMs, future));
  const eventsLate = await db
    .update(events)
    .set({
      queuedAtMs: null,
      generation: sql`${events.generation} + 1`,
      receivedAtMs: sql`least(${events.receivedAtMs}, ${nowMs})`,
    })
    .where(and(eq(events.status, "accepted"), gt(sql`greatest(${events.receivedAtMs}, ${events.queuedAtMs})`, future)))
    .returning({ key: events.key });
  const { queue, leaseUntilMs, notBeforeMs, queuedAtMs, updatedAtMs } = runs;
  const runsLate = await db
    .update(runs)
    .set({
      ...HANDED_OVER_ANEW,
      leaseOwner: null,
      leaseUntilMs: 0,
      updatedAtMs: sql`least(${updatedAtMs}, ${nowMs})`,
    })
    // Somebody is at work on one whose lease has not ended, whatever its other moments are.
    .where(
      isFree(
        sql`${isNotNull(queue)} and (${leaseUntilMs} > ${future} or
          ${leaseUntilMs} < ${nowMs} and greatest(${notBeforeMs}, ${queuedAtMs}, ${updatedAtMs}) > ${future})`,
      ),
    )
    .returning({ id: runs.id });
  return eventsLate.length + runsLate.length;
}
