import { sql } from "drizzle-orm";
import type { FastioEvent } from "../fastio/events/event.ts";
import { linesOf, namesOf } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { type DeliveryVerdict, deliveries, events, type KeptHeader, refusals } from "./schema.ts";

/** What the receiver knows of one delivery, before the ledger judges whether its events are new. */
export type DeliveryFacts = {
  readonly id: string;
  readonly receivedAtMs: number;
  readonly route: string;
  readonly bodyHash?: string;
  readonly bodyBytes: number;
  readonly scheme?: string;
  readonly secretPrint?: string;
  readonly keyForm?: string;
  readonly senderDeliveryId?: string;
  readonly headers?: readonly KeptHeader[];
};

export type KeyedEvent = { readonly key: string; readonly event: FastioEvent };

/** One thing to write: a delivery with its events, or a refusal. */
export type Intake =
  | {
      readonly kind: "delivery";
      readonly facts: DeliveryFacts;
      readonly events: readonly KeyedEvent[];
      /** The trace it came in with. */
      readonly traceparent?: string | undefined;
    }
  | { readonly kind: "pulled"; readonly events: readonly KeyedEvent[] }
  | {
      readonly kind: "refusal";
      readonly facts: DeliveryFacts;
      readonly reason: string;
      /** Whether to keep the delivery itself; the count is kept in any case. */
      readonly keep: boolean;
    };

/** What the queue wants to know of an event, beside what the ledger tells. */
export type NewEvent = {
  readonly key: string;
  readonly type: string;
  readonly workspaceId: string | null;
  readonly actorUserId: string | null;
  readonly objectId: string | null;
};

export type AcceptedBatch = {
  /** Verdict per intake, in order. */
  readonly verdicts: readonly DeliveryVerdict[];
  /** Events the ledger had not seen, as they came; they are the queue's business now. */
  readonly newEvents: readonly NewEvent[];
  /** Whether the ledger says that the queue has them. */
  readonly isQueued: boolean;
};

const MINUTE_MS = 60_000;
/** What the column holds; a sender may claim to send more. */
const MAX_INTEGER = 2_147_483_647;

/** What is written of an event, by column, with the type that it is read as. */
const EVENT_COLUMNS = {
  key: "text",
  id: "text",
  source: "text",
  raw_type: "text",
  type: "text",
  occurred_at_ms: "bigint",
  received_at_ms: "bigint",
  workspace_id: "text",
  share_id: "text",
  object_kind: "text",
  object_id: "text",
  version_id: "text",
  actor_user_id: "text",
  raw: "text",
  traceparent: "text",
  queued_at_ms: "bigint",
} as const;
/** What is left out is null. */
type EventLine = Readonly<Record<keyof typeof EVENT_COLUMNS, string | number | null | undefined>>;

/** And of a delivery. */
const DELIVERY_COLUMNS = {
  id: "text",
  received_at_ms: "bigint",
  route: "text",
  reason: "text",
  body_hash: "text",
  body_bytes: "integer",
  scheme: "text",
  secret_print: "text",
  key_form: "text",
  sender_delivery_id: "text",
  event_keys: "jsonb",
  headers: "jsonb",
} as const;
type DeliveryLine = Readonly<Record<keyof typeof DELIVERY_COLUMNS, unknown>> & {
  /** Known before anything is written; undefined: it depends on what it brings. */
  readonly verdict: Exclude<DeliveryVerdict, "accepted"> | undefined;
  /** In which order they came. */
  readonly place: number;
  /**
   * Keys that no delivery before it in the batch brings: it is accepted if the ledger had not seen one of them.
   * undefined: all of its keys.
   */
  readonly brings: readonly string[] | undefined;
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

/**
 * @see acceptDeliveries
 * @returns writes a batch. `queuedAtMs`: when the events will have been handed to the queue, if that is about to happen;
 * to note it later writes each of them and its indexes a second time. Should it not happen, the sweep finds out.
 */
export function createWriter(db: Db) {
  const fresh = db.$with("fresh", { key: events.key }).as(sql`
    insert into ${events} (${namesOf(EVENT_COLUMNS)}, status, reasons)
    select ${namesOf(EVENT_COLUMNS)}, 'accepted', '{}' from ${linesOf("events", EVENT_COLUMNS)}
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
    const { eventLines, deliveryLines, refusalLines, brought } = linesOfBatch(batch, queuedAtMs);
    const [written] = await statement.execute({
      brought: brought.length,
      events: JSON.stringify(eventLines),
      deliveries: JSON.stringify(deliveryLines),
      refusals: JSON.stringify(refusalLines),
    });
    const some = written?.newKeys && new Set(written.newKeys);
    const newEvents = some ? brought.filter(({ key }) => some.has(key)) : brought;
    const unclaimed = new Set(newEvents.map(({ key }) => key));
    return { verdicts: batch.map((intake) => judge(intake, unclaimed)), newEvents, isQueued: queuedAtMs !== null };
  };
}

/** Events and refusals by name: two processes that write the same ones then do not wait for each other for ever. */
function linesOfBatch(batch: readonly Intake[], queuedAtMs: number | null) {
  const eventLines = new Map<string, EventLine>();
  const brought: NewEvent[] = [];
  const deliveryLines: DeliveryLine[] = [];
  const keepDelivery = (
    facts: DeliveryFacts,
    more: Pick<DeliveryLine, "verdict" | "reason" | "event_keys" | "brings">,
  ) => deliveryLines.push({ ...lineOfDelivery(facts), ...more, place: deliveryLines.length });
  const counts = new Map<string, { readonly minute_ms: number; readonly reason: string; readonly count: number }>();
  for (const intake of batch) {
    if (intake.kind === "refusal") {
      const { facts, reason, keep } = intake;
      const minute_ms = Math.floor(facts.receivedAtMs / MINUTE_MS) * MINUTE_MS;
      const slot = `${minute_ms} ${reason}`;
      counts.set(slot, { minute_ms, reason, count: (counts.get(slot)?.count ?? 0) + 1 });
      if (keep) keepDelivery(facts, { verdict: "refused", reason, event_keys: [], brings: [] });
      continue;
    }
    const traceparent = intake.kind === "delivery" ? intake.traceparent : undefined;
    const brings: string[] = [];
    for (const { key, event } of intake.events) {
      if (eventLines.has(key)) continue;
      eventLines.set(key, { ...lineOfEvent(key, event), traceparent, queued_at_ms: queuedAtMs });
      brought.push({
        key,
        type: event.type,
        workspaceId: event.workspaceId ?? null,
        actorUserId: event.actorUserId ?? null,
        objectId: event.objectId ?? null,
      });
      brings.push(key);
    }
    if (intake.kind === "pulled") continue;
    const keys = intake.events.map(({ key }) => key);
    const verdict = keys.length === 0 ? "ignored" : brings.length === 0 ? "duplicate" : undefined;
    const isAll = brings.length === keys.length;
    keepDelivery(intake.facts, { verdict, reason: undefined, event_keys: keys, brings: isAll ? undefined : brings });
  }
  return {
    eventLines: [...eventLines.values()].sort(byName(({ key }) => String(key))),
    deliveryLines,
    brought,
    refusalLines: [...counts].sort(byName(([slot]) => slot)).map(([, line]) => line),
  };
}

const byName =
  <T>(nameOf: (row: T) => string) =>
  (a: T, b: T): number =>
    nameOf(a) < nameOf(b) ? -1 : 1;

/** An event is new for the first delivery of the batch that brings it, and a repeat for the others. */
function judge(intake: Intake, unclaimed: Set<string>): DeliveryVerdict {
  if (intake.kind === "refusal") return "refused";
  if (intake.events.length === 0) return "ignored";
  let isNew = false;
  for (const { key } of intake.events) if (unclaimed.delete(key)) isNew = true;
  return isNew ? "accepted" : "duplicate";
}

function lineOfDelivery(facts: DeliveryFacts) {
  return {
    id: facts.id,
    received_at_ms: facts.receivedAtMs,
    route: facts.route,
    body_hash: facts.bodyHash,
    body_bytes: Math.min(facts.bodyBytes, MAX_INTEGER),
    scheme: facts.scheme,
    secret_print: facts.secretPrint,
    key_form: facts.keyForm,
    sender_delivery_id: facts.senderDeliveryId,
    headers: facts.headers,
  };
}

function lineOfEvent(key: string, event: FastioEvent): Omit<EventLine, "traceparent" | "queued_at_ms"> {
  return {
    key,
    id: event.id,
    source: event.source,
    raw_type: event.rawType,
    type: event.type,
    occurred_at_ms: event.occurredAtMs,
    received_at_ms: event.receivedAtMs,
    workspace_id: event.workspaceId,
    share_id: event.shareId,
    object_kind: event.objectKind,
    object_id: event.objectId,
    version_id: event.versionId,
    actor_user_id: event.actorUserId,
    raw: event.raw,
  };
}
