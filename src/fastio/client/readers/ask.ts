import type { Citation } from "../../ports/ask.ts";
import { asNumber, at, type Fields, isFields, known, needText, pickText } from "../pick.ts";

export const readChatId = (payload: unknown, operation: string): string =>
  needText(payload, operation, ["thread.thread_id", "thread_id", "chat_id", "chat.id", "id"]);

export const readMessageId = (payload: unknown, operation: string): string =>
  needText(payload, operation, [
    "turn.turn_id",
    "turn_id",
    "message_id",
    "chat.message.id",
    "message.id",
    "message.message_id",
  ]);

/** What a look at a question found. */
export type AskState =
  | { readonly kind: "working" }
  | { readonly kind: "answered"; readonly text: string; readonly citations: readonly Citation[] }
  | { readonly kind: "clarification"; readonly question: string; readonly type?: string }
  | { readonly kind: "failed"; readonly state: string }
  | { readonly kind: "cancelled" };

/** Every word some version of the service has for an end. */
const FAILED = new Set(["errored", "error", "failed", "lost"]);

export function readAskState(payload: unknown): AskState {
  const message = [at(payload, "message"), at(payload, "turn"), payload].find(isFields) ?? {};
  const state = (pickText(message, ["state", "status"]) ?? "").toLowerCase();
  if (state === "needs_input") {
    // `text` holds the question we asked; the one we are asked stands apart.
    const question = pickText(message, ["clarification.question", "result.clarification.question"]) ?? "";
    return { kind: "clarification", question, ...known({ type: pickText(message, ["clarification.type"]) }) };
  }
  if (state === "cancelled" || state === "canceled") return { kind: "cancelled" };
  if (FAILED.has(state)) return { kind: "failed", state };
  if (state !== "complete" && state !== "completed") return { kind: "working" };
  const text = pickText(message, ["text", "response.text", "result.text", "answer", "response"]) ?? "";
  return { kind: "answered", text, citations: readCitations(message) };
}

/** One row for each place, whichever way the server groups them. Rows that name no file are left out. */
function readCitations(message: Fields): readonly Citation[] {
  const rows = ["citations", "response.citations", "result.citations", "sources"]
    .map((path) => at(message, path))
    .find((value) => Array.isArray(value));
  return (Array.isArray(rows) ? rows : []).flatMap((row) => {
    const nodeId = pickText(row, ["nodeId", "node_id", "file_id", "fileId"], ["node", "file"]);
    if (nodeId === undefined) return [];
    const versionId = pickText(row, ["versionId", "version_id"], ["node", "file"]);
    const entries = at(row, "entries");
    const found = Array.isArray(entries) && entries.length > 0 ? entries : [row];
    return found.map((entry) => ({ nodeId, ...known({ versionId }), ...readPlace(entry) }));
  });
}

const readPlace = (entry: unknown) =>
  known({
    page: asNumber(at(entry, "page") ?? at(entry, "page_number") ?? at(entry, "pageNumber")),
    snippet: pickText(entry, ["snippet", "excerpt", "text"]),
    timestamp: pickText(entry, ["timestamp", "start_seconds"]),
  });
