import { sql } from "drizzle-orm";
import { index, integer, jsonb, primaryKey, text } from "drizzle-orm/pg-core";
import { ms, relay } from "./relay-schema.ts";
import type { ReplayVersion } from "./runs.ts";

/** What may be done to many runs at once. */
export type BulkDeed = "replay" | "cancel" | "release";

/** `aborted`: an operator stopped it; what was done before that stays done. */
export type BulkState = "running" | "done" | "aborted";

/** What an operator asked to be done to many runs, and how far it is. */
export const bulkActions = relay.table(
  "bulk_actions",
  {
    /** Chosen by who asks, so that the same form sent twice is one. */
    id: text().primaryKey(),
    deed: text().$type<BulkDeed>().notNull(),
    /** Of replays: which version they run. */
    version: text().$type<ReplayVersion>(),
    /** Which runs were meant, as it was written: what a search for runs is asked for, by name. */
    filter: jsonb().$type<Readonly<Record<string, string>>>().notNull(),
    askedBy: text("asked_by").notNull(),
    reason: text(),
    perMinute: integer("per_minute").notNull(),
    state: text().$type<BulkState>().notNull(),
    total: integer().notNull(),
    done: integer().notNull().default(0),
    /** It was so before, or somebody else has done it meanwhile. */
    already: integer().notNull().default(0),
    refused: integer().notNull().default(0),
    /** The next run is taken then. */
    dueAtMs: ms("due_at_ms").notNull(),
    createdAtMs: ms("created_at_ms").notNull(),
    finishedAtMs: ms("finished_at_ms"),
    abortedBy: text("aborted_by"),
    abortReason: text("abort_reason"),
  },
  (table) => [
    index("bulk_actions_created").on(table.createdAtMs),
    index("bulk_actions_running").on(table.dueAtMs).where(sql`state = 'running'`),
  ],
);

/** The runs of a bulk action: those that matched when it was asked for, and no others. */
export const bulkItems = relay.table(
  "bulk_items",
  {
    bulkId: text("bulk_id").notNull(),
    /** Place in the line, from 1. */
    ordinal: integer().notNull(),
    runId: text("run_id").notNull(),
    /** Of the run when it was chosen: another one tells that somebody has dealt with it since. */
    generation: integer().notNull(),
    /** Null: its turn has not come. */
    outcome: text().$type<"done" | "already" | "refused">(),
    note: text(),
    atMs: ms("at_ms"),
  },
  (table) => [
    primaryKey({ columns: [table.bulkId, table.ordinal] }),
    index("bulk_items_open").on(table.bulkId, table.ordinal).where(sql`outcome is null`),
  ],
);

export type BulkActionRow = typeof bulkActions.$inferSelect;

export type BulkItemRow = typeof bulkItems.$inferSelect;
