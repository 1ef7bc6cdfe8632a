import { sql } from "drizzle-orm";
import type { Intake, NewEvent, PassedOver, PassOver } from "./intake.ts";
import { DELIVERY_COLUMNS, EVENT_COLUMNS, linesOfBatch } from "./intake-lines.ts";
import { linesOf, namesOf } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { type DeliveryVerdict, deliveries, events, refusals } from "./schema.ts";

export type AcceptedBatch = {
  /** Verdict per intake, in order. */
  readonly verdicts: readonly DeliveryVerdict[];
  /** Events the ledger had not seen, as they came; they are the queue's business now. */
  readonly newEvents: readonly NewEvent[];
  /** Of events it had not seen either, why each was passed over. */
  readonly passedOver: readonly PassedOver[];
  /** Whether the ledger says that the queue has them. */
  readonly isQueued: boolean;
};

/**
 * Writes many intakes in one statement, which is one transaction and one trip: events first, so that the verdict of each
 * delivery (did it bring anything new?) can be stored with it. Rows go as JSON, since a parameter for each field
 * computes longer than all the rest; the statement keeps its text, so that PostgreSQL plans it once.
 * @param queuedAtMs see {@link createWriter}
 */
export function acceptDeliveries(
  db: Db,
  batch: readonly Intake[],
  queuedAtMs: number | null = null,
): Promise<AcceptedBatch> {
  return createWriter(db)(batch, queuedAtMs);
}

const looksAtAll: PassOver = () => undefined;

/**
 * @see acceptDeliveries
 * @param passOver tells which events end with the commit: most of what Fast.io tells is nothing to any rule, and to end
 *   it later writes it and its indexes a second time. By default none do
 * @returns writes a batch. `queuedAtMs`: when the events will have been handed to the queue, if that is about to happen;
 * to note it later writes each of them and its indexes a second time. Should it not happen, the sweep finds out.
 */
export function createWriter(db: Db, passOver = looksAtAll) {
  const fresh = db.$with("fresh", { key: events.key }).as(sql`
    insert into ${events} (${namesOf(EVENT_COLUMNS)})
    select ${namesOf(EVENT_COLUMNS)} from ${linesOf("events", EVENT_COLUMNS)}
    on conflict do nothing
    returning key`);
  const told = db.$with("told", { id: deliveries.id }).as(sql`
    select * from ${linesOf("deliveries", { ...DELIVERY_COLUMNS, verdict: "text", place: "integer", brings: "text[]" })}`);
  const bringers = db.$with("bringers", { id: deliveries.id }).as(sql`
    select told.id from told
      cross join lateral unnest(coalesce(told.brings, array(select jsonb_array_elements_text(told.event_keys)))) as brought(key)
      join fresh using (key)`);
  // The edge sends a delivery again under its id when it was not told that it had come: its first line stays.
  const kept = db.$with("kept", { id: deliveries.id }).as(sql`
    insert into ${deliveries} (${namesOf(DELIVERY_COLUMNS)}, verdict)
    select ${namesOf(DELIVERY_COLUMNS, "told.")},
      case when told.verdict is not null then told.verdict
        when (select count(*) from fresh) = ${sql.placeholder("brought")}::int then 'accepted'
        when told.id in (select id from bringers) then 'accepted' else 'duplicate' end
    from told
    order by told.id, told.place
    on conflict do nothing`);
  const counted = db.$with("counted", { reason: refusals.reason }).as(sql`
    insert into ${refusals} (minute_ms, reason, count)
    select minute_ms, reason, count from ${linesOf("refusals", { minute_ms: "bigint", reason: "text", count: "integer" })}
    on conflict (minute_ms, reason) do update set count = ${refusals.count} + excluded.count`);
  const statement = db
    .with(fresh, told, bringers, kept, counted)
    // As a rule all are new, and a row for each would only be taken apart again.
    .select({
      newKeys: sql<
        string[] | null
      >`case when count(*) < ${sql.placeholder("brought")}::int then coalesce(json_agg(${fresh.key}), '[]') end`,
    })
    .from(fresh)
    .prepare("accept_deliveries");
  return async (batch: readonly Intake[], queuedAtMs: number | null): Promise<AcceptedBatch> => {
    const { eventLines, deliveryLines, refusalLines, brought } = linesOfBatch(batch, queuedAtMs, passOver);
    const [written] = await statement.execute({
      brought: brought.length,
      events: JSON.stringify(eventLines),
      deliveries: JSON.stringify(deliveryLines),
      refusals: JSON.stringify(refusalLines),
    });
    const some = written?.newKeys && new Set(written.newKeys);
    const unseen = some ? brought.filter(({ key }) => some.has(key)) : brought;
    const unclaimed = new Set(unseen.map(({ key }) => key));
    return {
      verdicts: batch.map((intake) => judge(intake, unclaimed)),
      newEvents: unseen.filter(({ passed }) => passed === undefined),
      passedOver: unseen.flatMap(({ passed }) => passed ?? []),
      isQueued: queuedAtMs !== null,
    };
  };
}

/** An event is new for the first delivery of the batch that brings it, and a repeat for the others. */
function judge(intake: Intake, unclaimed: Set<string>): DeliveryVerdict {
  if (intake.kind === "refusal") return "refused";
  if (intake.events.length === 0) return "ignored";
  let isNew = false;
  for (const { key } of intake.events) if (unclaimed.delete(key)) isNew = true;
  return isNew ? "accepted" : "duplicate";
}
