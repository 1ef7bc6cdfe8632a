import { sql } from "drizzle-orm";
import { index, integer, primaryKey, text } from "drizzle-orm/pg-core";
import { ms, relay } from "./relay-schema.ts";

/** What is left beside the source of a run: one comment or note for each, which a replay brings up to date. */
export const receipts = relay.table(
  "receipts",
  {
    runId: text("run_id").primaryKey(),
    kind: text().$type<"comment" | "note">().notNull(),
    state: text().$type<"waiting" | "done" | "given_up">().notNull(),
    /** The comment, once it is known. */
    commentId: text("comment_id"),
    /** The note, once it is known. */
    nodeId: text("node_id"),
    failures: integer().notNull().default(0),
    dueAtMs: ms("due_at_ms").notNull(),
    leaseUntilMs: ms("lease_until_ms").notNull().default(0),
    error: text(),
    writtenAtMs: ms("written_at_ms"),
  },
  (table) => [
    index("receipts_due").on(table.dueAtMs).where(sql`state = 'waiting'`),
    index("receipts_node").on(table.nodeId),
  ],
);

/** Messages to incoming webhooks. At least once each; the key keeps the same news from being told twice. */
export const notices = relay.table(
  "notices",
  {
    key: text().primaryKey(),
    /** The variable that holds the address; never the address. */
    variable: text().notNull(),
    text: text().notNull(),
    /** The run it is about, if any. */
    runId: text("run_id"),
    state: text().$type<"waiting" | "sent" | "given_up">().notNull(),
    failures: integer().notNull().default(0),
    dueAtMs: ms("due_at_ms").notNull(),
    leaseUntilMs: ms("lease_until_ms").notNull().default(0),
    error: text(),
    createdAtMs: ms("created_at_ms").notNull(),
    sentAtMs: ms("sent_at_ms"),
  },
  (table) => [
    index("notices_due").on(table.dueAtMs).where(sql`state = 'waiting'`),
    index("notices_run").on(table.runId),
    index("notices_created").on(table.createdAtMs),
  ],
);

/** Who opened, took or was let at what people were given, as Fast.io's events tell it. */
export const accesses = relay.table(
  "accesses",
  {
    /** Derived from run and event, so that what a webhook and a search tell is one line. */
    key: text().primaryKey(),
    runId: text("run_id").notNull(),
    ruleName: text("rule_name").notNull(),
    /** The share or file share it went through; null for what happened in the workspace itself. */
    shareId: text("share_id"),
    kind: text().notNull(),
    /** The file or folder, or the person, it is about. */
    objectId: text("object_id"),
    objectName: text("object_name"),
    /** Null: nobody who was signed in, or nobody told; see `searchedAtMs`. */
    actorUserId: text("actor_user_id"),
    actorEmail: text("actor_email"),
    atMs: ms("at_ms").notNull(),
    /** When a webhook told of it, and when a search first found it; null: it did not. Webhooks may leave the actor out. */
    deliveredAtMs: ms("delivered_at_ms"),
    searchedAtMs: ms("searched_at_ms"),
  },
  (table) => [
    index("accesses_run").on(table.runId, table.atMs),
    index("accesses_share").on(table.shareId, table.atMs),
    index("accesses_at").on(table.atMs, table.key),
  ],
);

/** How far the events of each run's share were read. */
export const accessReads = relay.table(
  "access_reads",
  {
    runId: text("run_id").primaryKey(),
    /** Events before this were asked for. */
    readToMs: ms("read_to_ms").notNull(),
    dueAtMs: ms("due_at_ms").notNull(),
  },
  (table) => [index("access_reads_due").on(table.dueAtMs)],
);

/** The last offer of an organisation that was made for each rule. Its token is told once and is not in here. */
export const handoffs = relay.table(
  "handoffs",
  {
    orgId: text("org_id").notNull(),
    ruleName: text("rule_name").notNull(),
    /** The run on whose page it was asked for. */
    runId: text("run_id").notNull(),
    /** Fast.io's id for the offer; null while it is being made, or where Fast.io tells none. */
    transferId: text("transfer_id"),
    askedAtMs: ms("asked_at_ms").notNull(),
    askedBy: text("asked_by").notNull(),
    /** Null: it was not made, as far as the relay knows. */
    expiresAtMs: ms("expires_at_ms"),
  },
  (table) => [primaryKey({ columns: [table.orgId, table.ruleName] }), index("handoffs_rule").on(table.ruleName)],
);

export type AccessRow = typeof accesses.$inferSelect;

export type HandoffRow = typeof handoffs.$inferSelect;

export type ReceiptRow = typeof receipts.$inferSelect;

export type NoticeRow = typeof notices.$inferSelect;
