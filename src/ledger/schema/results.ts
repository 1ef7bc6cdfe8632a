import { index, integer, jsonb, primaryKey, text } from "drizzle-orm/pg-core";
import type { AskHandle } from "../../fastio/ports/ask.ts";
import { ms, relay } from "./relay-schema.ts";

export type OutputKind = "file" | "text" | "json";

export const outputs = relay.table(
  "outputs",
  {
    runId: text("run_id").notNull(),
    /** Place among the run's outputs; the same after a repeat. */
    ordinal: integer().notNull(),
    kind: text().$type<OutputKind>().notNull(),
    name: text().notNull(),
    mimeType: text("mime_type").notNull(),
    size: ms("size").notNull(),
    sha256: text(),
    /** The Fast.io upload session that holds the bytes. */
    uploadId: text("upload_id"),
    /** Text and JSON outputs, until they are placed. */
    content: text(),
    /** The beginning of a text that the rule lets be shown; unlike `content`, it stays. */
    excerpt: text(),
    nodeId: text("node_id"),
    placedAtMs: ms("placed_at_ms"),
  },
  (table) => [primaryKey({ columns: [table.runId, table.ordinal] }), index("outputs_node").on(table.nodeId)],
);

/** What deliveries before a replay placed: the same name gets a new version, the rest stays as it is. */
export const earlierOutputs = relay.table(
  "earlier_outputs",
  {
    runId: text("run_id").notNull(),
    nodeId: text("node_id").notNull(),
    name: text().notNull(),
    placedAtMs: ms("placed_at_ms"),
  },
  (table) => [primaryKey({ columns: [table.runId, table.nodeId] }), index("earlier_outputs_node").on(table.nodeId)],
);

/** Folders that belong to one run each, though their names do not tell whose: Fast.io lets a folder back one share. */
export const folderClaims = relay.table(
  "folder_claims",
  {
    folderNodeId: text("folder_node_id").primaryKey(),
    runId: text("run_id").notNull(),
  },
  (table) => [index("folder_claims_run").on(table.runId)],
);

/** `waiting`: for the files to be indexed, or for its turn; `asked`: its answer is waited for. */
export type AnswerState = "waiting" | "asked" | "answered" | "unanswered";

/** A file that an answer was found in. */
export type FoundIn = { readonly name: string; readonly page?: number | undefined };

/** Questions of the rule to Fast.io's AI, each asked once. */
export const answers = relay.table(
  "answers",
  {
    runId: text("run_id").notNull(),
    /** Before the workflow, or after its outputs were placed. */
    phase: text().$type<"before" | "after">().notNull(),
    /** The name that the rule gives the answer. */
    into: text().notNull(),
    /** Place among the questions of its phase. */
    ordinal: integer().notNull(),
    state: text().$type<AnswerState>().notNull(),
    /** As it was asked; null before. */
    question: text(),
    /** What the answer is waited for with; null before it was asked. */
    handle: jsonb().$type<AskHandle>(),
    text: text(),
    foundIn: jsonb("found_in").$type<readonly FoundIn[]>().notNull().default([]),
    /** Why there is no answer, or what it lacks. */
    note: text(),
    sinceMs: ms("since_ms").notNull(),
    askedAtMs: ms("asked_at_ms"),
    endedAtMs: ms("ended_at_ms"),
  },
  (table) => [primaryKey({ columns: [table.runId, table.phase, table.into] })],
);

export type OutputRow = typeof outputs.$inferSelect;

export type AnswerRow = typeof answers.$inferSelect;
