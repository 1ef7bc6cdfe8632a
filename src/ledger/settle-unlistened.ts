import { and, eq, inArray, isNull, notExists, notInArray, or, sql } from "drizzle-orm";
import { ACCESS_KINDS } from "./access-kinds.ts";
import type { Db } from "./open-ledger.ts";
import { earlierOutputs, events, outputs } from "./schema.ts";

/**
 * Ends those among new events that no rule listens to and that tell of no access to what was delivered, in one statement:
 * most of what Fast.io tells is what the relay itself has done, and needs no job to be passed over.
 * @param listened types of events that some rule listens to
 * @returns the keys of those that were ended
 */
export async function settleUnlistened(
  db: Db,
  keys: readonly string[],
  listened: readonly string[],
  nowMs: number,
): Promise<ReadonlySet<string>> {
  const accesses = Object.keys(ACCESS_KINDS);
  // As `normaliseOpaqueId` spells it, or as it came.
  const isObject = (table: typeof outputs | typeof earlierOutputs) =>
    sql`${table.nodeId} in (${events.objectId}, lower(replace(${events.objectId}, '-', '')))`;
  const placed = (table: typeof outputs | typeof earlierOutputs) =>
    db.select({ nodeId: table.nodeId }).from(table).where(isObject(table));
  // A file that is read for a workflow.
  const isOfOthers = and(
    eq(events.type, "file.accessed"),
    isNull(events.shareId),
    notExists(placed(outputs)),
    notExists(placed(earlierOutputs)),
  );
  const ended = await db
    .update(events)
    .set({
      status: "ignored",
      reasons: sql`jsonb_build_object('*', 'no rule listens to ' || ${events.type})`,
      routedAtMs: nowMs,
    })
    .where(
      and(
        inArray(events.key, [...keys]),
        eq(events.status, "accepted"),
        notInArray(events.type, [...listened, ""]),
        or(notInArray(events.type, accesses), isOfOthers),
      ),
    )
    .returning({ key: events.key });
  return new Set(ended.map(({ key }) => key));
}
