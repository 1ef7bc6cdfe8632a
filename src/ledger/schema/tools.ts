import { index, integer, jsonb, primaryKey, text } from "drizzle-orm/pg-core";
import { ms, relay } from "./relay-schema.ts";

/** Calls of tools by agents: who asked for what, and how it ended. */
export const toolCalls = relay.table(
  "tool_calls",
  {
    id: text().primaryKey(),
    atMs: ms("at_ms").notNull(),
    /** Name of the token, never the token. */
    caller: text().notNull(),
    via: text().$type<"http" | "mcp">().notNull(),
    operation: text().notNull(),
    /** What it was about: ids and names, never a link or a password. */
    target: text(),
    requestId: text("request_id"),
    /** HTTP status of the answer; null: it never ended, or is under way. */
    status: integer(),
    code: text(),
    endedAtMs: ms("ended_at_ms"),
  },
  (table) => [index("tool_calls_at").on(table.atMs), index("tool_calls_caller").on(table.caller, table.atMs)],
);

/** Calls that their caller gave a `requestId`: a repeat is told what the first was. */
export const toolRequests = relay.table(
  "tool_requests",
  {
    caller: text().notNull(),
    requestId: text("request_id").notNull(),
    operation: text().notNull(),
    /** Tells whether a repeat asks for the same. */
    inputHash: text("input_hash").notNull(),
    state: text().$type<"working" | "done" | "failed">().notNull(),
    /** Who works on it, until the lease ends. */
    owner: text().notNull(),
    untilMs: ms("until_ms").notNull(),
    /** What was learned on the way, such as the id of an import: a repeat after a crash goes on from there. */
    progress: jsonb().$type<Readonly<Record<string, unknown>>>(),
    /** Without what may not be kept, such as links that are keys. */
    answer: jsonb().$type<Readonly<Record<string, unknown>>>(),
    startedAtMs: ms("started_at_ms").notNull(),
    endedAtMs: ms("ended_at_ms"),
  },
  (table) => [
    primaryKey({ columns: [table.caller, table.requestId] }),
    index("tool_requests_started").on(table.startedAtMs),
  ],
);

export type ToolCallRow = typeof toolCalls.$inferSelect;
