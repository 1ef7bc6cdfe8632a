import type { FastioEvent } from "../fastio/events/event.ts";
import { EVERY_RULE } from "./event-queries.ts";
import type { DeliveryFacts, Intake, NewEvent, PassedOver, PassOver } from "./intake.ts";
import type { DeliveryVerdict } from "./schema.ts";

const MINUTE_MS = 60_000;
/** What the column holds; a sender may claim to send more. */
const MAX_INTEGER = 2_147_483_647;

/** What is written of an event, by column, with the type that it is read as. */
export const EVENT_COLUMNS = {
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
  status: "text",
  reasons: "jsonb",
  routed_at_ms: "bigint",
  file_name: "text",
} as const;
/** What is left out is null. */
type EventLine = Readonly<Record<keyof typeof EVENT_COLUMNS, unknown>>;

/** And of a delivery. */
export const DELIVERY_COLUMNS = {
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
 * What a batch writes. Events and refusals by name: two processes that write the same ones then do not wait for each other for ever.
 * @see createWriter
 */
export function linesOfBatch(batch: readonly Intake[], queuedAtMs: number | null, passOver: PassOver) {
  const eventLines = new Map<string, EventLine>();
  const brought: (NewEvent & { readonly passed: PassedOver | undefined })[] = [];
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
      const { type, workspaceId = null, actorUserId = null, objectId = null, receivedAtMs } = event;
      const passed = passOver({ type, objectId });
      const standing = passed ? lineOfEnd(passed, receivedAtMs) : { ...WAITS, queued_at_ms: queuedAtMs };
      eventLines.set(key, { ...lineOfEvent(key, event), traceparent, ...standing });
      brought.push({ key, type, workspaceId, actorUserId, objectId, passed });
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

type Standing = Pick<EventLine, "queued_at_ms" | "status" | "reasons" | "routed_at_ms" | "file_name">;

const WAITS = { status: "accepted", reasons: {}, routed_at_ms: null, file_name: null };

const lineOfEnd = ({ reason, fileName }: PassedOver, nowMs: number): Standing => ({
  queued_at_ms: null,
  status: "ignored",
  reasons: { [EVERY_RULE]: reason },
  routed_at_ms: nowMs,
  file_name: fileName?.toWellFormed(),
});

function lineOfEvent(key: string, event: FastioEvent): Omit<EventLine, "traceparent" | keyof Standing> {
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
