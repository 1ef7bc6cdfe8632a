import { sql } from "drizzle-orm";
import { index, integer, jsonb, primaryKey, text } from "drizzle-orm/pg-core";
import { ms, relay } from "./relay-schema.ts";

export type DeliveryVerdict = "accepted" | "duplicate" | "ignored" | "refused";

/** Name and value of one header as it may be shown: bounded, and without what proves or opens anything. */
export type KeptHeader = readonly [name: string, value: string];

/** One POST each. Refused ones are stored at a bounded rate and counted in `refusals` always. */
export const deliveries = relay.table(
  "deliveries",
  {
    id: text().primaryKey(),
    receivedAtMs: ms("received_at_ms").notNull(),
    route: text().notNull(),
    verdict: text().$type<DeliveryVerdict>().notNull(),
    reason: text(),
    bodyHash: text("body_hash"),
    bodyBytes: integer("body_bytes").notNull(),
    scheme: text(),
    /** First 12 hex digits of the SHA-256 of the secret that matched: tells which, not what. */
    secretPrint: text("secret_print"),
    keyForm: text("key_form"),
    senderDeliveryId: text("sender_delivery_id"),
    eventKeys: jsonb("event_keys").$type<readonly string[]>().notNull(),
    /** Null: it came before headers were kept. */
    headers: jsonb().$type<readonly KeptHeader[]>(),
  },
  (table) => [
    index("deliveries_received").on(table.receivedAtMs),
    // Most are accepted: whoever asks for the others need not read past them.
    index("deliveries_unaccepted").on(table.verdict, table.receivedAtMs).where(sql`verdict <> 'accepted'`),
  ],
);

/** Refused deliveries by minute and reason. */
export const refusals = relay.table(
  "refusals",
  { minuteMs: ms("minute_ms").notNull(), reason: text().notNull(), count: integer().notNull() },
  (table) => [primaryKey({ columns: [table.minuteMs, table.reason] })],
);

export type EventStatus = "accepted" | "routed" | "ignored" | "failed";

export const events = relay.table(
  "events",
  {
    /** Derived from scope and id, so that a repeat collides. */
    key: text().primaryKey(),
    id: text().notNull(),
    source: text().notNull(),
    rawType: text("raw_type").notNull(),
    type: text().notNull(),
    occurredAtMs: ms("occurred_at_ms"),
    receivedAtMs: ms("received_at_ms").notNull(),
    workspaceId: text("workspace_id"),
    shareId: text("share_id"),
    objectKind: text("object_kind").notNull(),
    objectId: text("object_id"),
    versionId: text("version_id"),
    actorUserId: text("actor_user_id"),
    /** The file's name and folder as they were when the event was routed; null when nobody looked. */
    fileName: text("file_name"),
    folderPath: text("folder_path"),
    raw: text().notNull(),
    status: text().$type<EventStatus>().notNull(),
    /** Why each rule did not want it, or what went wrong. */
    reasons: jsonb().$type<Readonly<Record<string, string>>>().notNull(),
    failures: integer().notNull().default(0),
    /** How often the outbox handed it to the queue; part of the job id. */
    generation: integer().notNull().default(0),
    /** null: not handed to the queue yet. */
    queuedAtMs: ms("queued_at_ms"),
    routedAtMs: ms("routed_at_ms"),
    /** The trace of the delivery that told of it first, as W3C has it; null when none was kept. */
    traceparent: text(),
    /** When catch-up first found it; null: only webhooks told of it so far. */
    pulledAtMs: ms("pulled_at_ms"),
  },
  (table) => [
    index("events_to_hand_over").on(table.queuedAtMs, table.receivedAtMs).where(sql`status = 'accepted'`),
    index("events_backlog").on(table.workspaceId).where(sql`status = 'accepted'`),
    index("events_object").on(table.objectId),
    index("events_with_file").on(sql`lower(file_name)`).where(sql`file_name is not null`),
    index("events_ended").on(table.routedAtMs).where(sql`routed_at_ms is not null`),
    index("events_received").on(table.receivedAtMs),
  ],
);

/** How far each pull source was read. */
export const cursors = relay.table("cursors", {
  name: text().primaryKey(),
  value: text().notNull(),
  updatedAtMs: ms("updated_at_ms").notNull(),
});

export type PullSource = "changes" | "search" | "listing";

/** How catch-up fares in each workspace it watches. */
export const pullStates = relay.table("pull_states", {
  workspaceId: text("workspace_id").primaryKey(),
  workspaceName: text("workspace_name").notNull(),
  /** Where the last successful pull read; null before the first. */
  source: text().$type<PullSource>(),
  pulledAtMs: ms("pulled_at_ms"),
  /** Why nothing can be read now; null when it can. */
  errorCode: text("error_code"),
  errorMessage: text("error_message"),
  nextAction: text("next_action"),
  failingSinceMs: ms("failing_since_ms"),
  /** Why the feed cannot be checked by a search, though it can be read; null when it can, or need not be. */
  checkErrorMessage: text("check_error_message"),
  checkNextAction: text("check_next_action"),
  checkFailingSinceMs: ms("check_failing_since_ms"),
});

/** Files as the last listing saw them: what the next one is compared with where no event can be read. */
export const listedNodes = relay.table(
  "listed_nodes",
  {
    workspaceId: text("workspace_id").notNull(),
    nodeId: text("node_id").notNull(),
    versionId: text("version_id"),
    parentId: text("parent_id").notNull(),
    name: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.nodeId] })],
);

/** How deliveries under each secret are signed, as the first one that was verified showed. */
export const signaturePins = relay.table("signature_pins", {
  /** First 12 hex digits of the SHA-256 of the secret. */
  secretPrint: text("secret_print").primaryKey(),
  scheme: text().notNull(),
  keyForm: text("key_form"),
  firstSeenMs: ms("first_seen_ms").notNull(),
  /** The last delivery that was signed with it, to the minute; null: none since this is written down. */
  lastSeenMs: ms("last_seen_ms"),
  /** How it was signed before the last change; null when it never changed. */
  previousScheme: text("previous_scheme"),
  previousKeyForm: text("previous_key_form"),
  changedAtMs: ms("changed_at_ms"),
});

export type DeliveryRow = typeof deliveries.$inferSelect;

export type EventRow = typeof events.$inferSelect;
