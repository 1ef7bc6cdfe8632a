import { and, desc, eq, gte, inArray, like, lt, or, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type DeliveryRow, type DeliveryVerdict, deliveries, type EventRow, events, refusals } from "./schema.ts";

export type DeliveryFilter = {
  readonly verdict?: DeliveryVerdict | undefined;
  /** The first word of a refusal's reason, such as `signature`. */
  readonly reason?: string | undefined;
  readonly sinceMs?: number | undefined;
  /** The last delivery of the page before. */
  readonly after?: { readonly receivedAtMs: number; readonly id: string } | undefined;
};

/** Newest first. */
export function listDeliveries(db: Db, filter: DeliveryFilter, limit: number): Promise<DeliveryRow[]> {
  const { verdict = filter.reason === undefined ? undefined : ("refused" as const), reason, sinceMs, after } = filter;
  return db
    .select()
    .from(deliveries)
    .where(
      and(
        verdict && eq(deliveries.verdict, verdict),
        // Word for word as in the index, or the planner does not see that it fits.
        verdict !== undefined && verdict !== "accepted" ? sql`verdict <> 'accepted'` : undefined,
        reason === undefined ? undefined : like(deliveries.reason, `${reason}:%`),
        sinceMs === undefined ? undefined : gte(deliveries.receivedAtMs, sinceMs),
        after &&
          or(
            lt(deliveries.receivedAtMs, after.receivedAtMs),
            and(eq(deliveries.receivedAtMs, after.receivedAtMs), lt(deliveries.id, after.id)),
          ),
      ),
    )
    .orderBy(desc(deliveries.receivedAtMs), desc(deliveries.id))
    .limit(limit);
}

export async function findDelivery(db: Db, id: string): Promise<DeliveryRow | undefined> {
  const [row] = await db.select().from(deliveries).where(eq(deliveries.id, id));
  return row;
}

/** The delivery that brought an event first: it came in the same millisecond as the event is said to have come. */
export async function findDeliveryOf(
  db: Db,
  { key, source, receivedAtMs }: Pick<EventRow, "key" | "source" | "receivedAtMs">,
): Promise<DeliveryRow | undefined> {
  if (source !== "webhook") return undefined;
  const [row] = await db
    .select()
    .from(deliveries)
    .where(
      and(eq(deliveries.receivedAtMs, receivedAtMs), sql`${deliveries.eventKeys} @> ${JSON.stringify([key])}::jsonb`),
    )
    .orderBy(deliveries.id)
    .limit(1);
  return row;
}

export function listEventsOf(db: Db, keys: readonly string[]): Promise<EventRow[]> {
  return keys.length === 0
    ? Promise.resolve([])
    : db
        .select()
        .from(events)
        .where(inArray(events.key, [...keys]));
}

/** Refusals of one kind: all are counted, and kept with their headers at a bounded rate. */
export type RefusalCount = { readonly reason: string; readonly counted: number; readonly kept: number };

/** @param sinceMs how far to look back; whole minutes count */
export async function countRefusals(db: Db, sinceMs: number): Promise<readonly RefusalCount[]> {
  const minuteMs = Math.floor(sinceMs / 60_000) * 60_000;
  const counted = await db
    .select({ reason: refusals.reason, count: sql`sum(${refusals.count})`.mapWith(Number) })
    .from(refusals)
    .where(gte(refusals.minuteMs, minuteMs))
    .groupBy(refusals.reason);
  const stored = await db
    .select({ reason: deliveries.reason, count: sql`count(*)`.mapWith(Number) })
    .from(deliveries)
    .where(and(eq(deliveries.verdict, "refused"), sql`verdict <> 'accepted'`, gte(deliveries.receivedAtMs, minuteMs)))
    .groupBy(deliveries.reason);
  const kept = new Map(stored.map(({ reason, count }) => [reason, count]));
  return counted
    .map(({ reason, count }) => ({ reason, counted: count, kept: kept.get(reason) ?? 0 }))
    .sort((a, b) => b.counted - a.counted);
}
