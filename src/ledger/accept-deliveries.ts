import { sql } from "drizzle-orm";
import type { FastioEvent } from "../fastio/events/event.ts";
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

export type AcceptedBatch = {
  /** Verdict per intake, in order. */
  readonly verdicts: readonly DeliveryVerdict[];
  /** Keys of events the ledger had not seen; they are the queue's business now. */
  readonly newKeys: readonly string[];
};

const MINUTE_MS = 60_000;
/** A statement takes 65,535 parameters, and an event is 16 of them. */
const MAX_ROWS_A_STATEMENT = 1_000;
/** What the column holds; a sender may claim to send more. */
const MAX_INTEGER = 2_147_483_647;

/**
 * Writes many intakes in one transaction: events first, so that the verdict of each delivery
 * (did it bring anything new?) can be stored with it.
 */
export async function acceptDeliveries(db: Db, batch: readonly Intake[]): Promise<AcceptedBatch> {
  return db.transaction(async (tx) => {
    const rows = new Map<string, typeof events.$inferInsert>();
    for (const intake of batch) {
      if (intake.kind === "refusal") continue;
      const traceparent = intake.kind === "delivery" ? intake.traceparent : undefined;
      for (const { key, event } of intake.events)
        if (!rows.has(key)) rows.set(key, { ...toRow(key, event), traceparent: traceparent ?? null });
    }
    const fresh = new Set<string>();
    for (const part of chunksOf([...rows.values()].sort(byOrder(({ key }) => key)))) {
      const inserted = await tx.insert(events).values(part).onConflictDoNothing().returning({ key: events.key });
      for (const { key } of inserted) fresh.add(key);
    }

    const newKeys = [...fresh];
    const verdicts: DeliveryVerdict[] = [];
    const deliveryRows: (typeof deliveries.$inferInsert)[] = [];
    const counts = new Map<string, { minuteMs: number; reason: string; count: number }>();
    for (const intake of batch) {
      const verdict = judge(intake, fresh);
      verdicts.push(verdict);
      if (intake.kind === "pulled") continue;
      const refused = intake.kind === "refusal";
      if (refused) {
        const minuteMs = Math.floor(intake.facts.receivedAtMs / MINUTE_MS) * MINUTE_MS;
        const slot = `${minuteMs} ${intake.reason}`;
        const known = counts.get(slot);
        counts.set(slot, { minuteMs, reason: intake.reason, count: (known?.count ?? 0) + 1 });
        if (!intake.keep) continue;
      }
      deliveryRows.push({
        ...intake.facts,
        bodyBytes: Math.min(intake.facts.bodyBytes, MAX_INTEGER),
        verdict,
        reason: refused ? intake.reason : null,
        eventKeys: refused ? [] : intake.events.map(({ key }) => key),
      });
    }
    // The edge sends a delivery again under its id when it was not told that it had come: its first line stays.
    for (const part of chunksOf(deliveryRows)) await tx.insert(deliveries).values(part).onConflictDoNothing();
    if (counts.size > 0) {
      await tx
        .insert(refusals)
        .values([...counts.values()].sort(byOrder(({ minuteMs, reason }) => `${minuteMs} ${reason}`)))
        .onConflictDoUpdate({
          target: [refusals.minuteMs, refusals.reason],
          set: { count: sql`${refusals.count} + excluded.count` },
        });
    }
    return { verdicts, newKeys };
  });
}

/** Two processes that write the same rows lock them in the same order, or they would wait for each other for ever. */
const byOrder =
  <T>(nameOf: (row: T) => string) =>
  (a: T, b: T): number =>
    nameOf(a) < nameOf(b) ? -1 : 1;

function chunksOf<T>(rows: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < rows.length; at += MAX_ROWS_A_STATEMENT) chunks.push(rows.slice(at, at + MAX_ROWS_A_STATEMENT));
  return chunks;
}

/** An event is new for the first delivery of the batch that brings it, and a repeat for the others. */
function judge(intake: Intake, fresh: Set<string>): DeliveryVerdict {
  if (intake.kind === "refusal") return "refused";
  if (intake.events.length === 0) return "ignored";
  let isNew = false;
  for (const { key } of intake.events) if (fresh.delete(key)) isNew = true;
  return isNew ? "accepted" : "duplicate";
}

function toRow(key: string, event: FastioEvent): typeof events.$inferInsert {
  return {
    key,
    id: event.id,
    source: event.source,
    rawType: event.rawType,
    type: event.type,
    occurredAtMs: event.occurredAtMs,
    receivedAtMs: event.receivedAtMs,
    workspaceId: event.workspaceId ?? null,
    shareId: event.shareId ?? null,
    objectKind: event.objectKind,
    objectId: event.objectId ?? null,
    versionId: event.versionId ?? null,
    actorUserId: event.actorUserId ?? null,
    raw: event.raw,
    status: "accepted",
    reasons: {},
  };
}
