import type { ActivityOutcome, EventRow } from "../../ports/feed.ts";
import { asFlag, at, isFields, malformed, needText, pickRows, pickText } from "../pick.ts";

export function readChangesPage(payload: unknown, operation: string) {
  const rows: readonly EventRow[] | undefined = pickRows(payload, ["changes", "events", "items"]);
  if (rows === undefined) throw malformed(operation, "no list of changes");
  return {
    rows,
    cursor: needText(payload, operation, ["cursor", "next_cursor"], ["pagination"]),
    hasMore: asFlag(at(payload, "has_more") ?? at(payload, "pagination.has_more")) ?? false,
  };
}

export function readEventRows(payload: unknown, operation: string): readonly EventRow[] {
  const rows = pickRows(payload, ["events", "items", "results", "data"]);
  if (rows === undefined) throw malformed(operation, "no list of events");
  return rows;
}

const KEY = /^(?:storage|preview|ai_chat|ai_state|upload|members|comments)(?::|$)/;

/** The container of the keys is written down nowhere: a list, an object, or the answer itself. */
export function readActivity(payload: unknown, operation: string): ActivityOutcome {
  const lastActivity = needText(payload, operation, ["lastactivity", "last_activity", "server_date"], ["activity"]);
  const told = at(payload, "activity") ?? at(payload, "activities") ?? at(payload, "keys");
  if (Array.isArray(told)) {
    const keys = told.flatMap((one) => (typeof one === "string" ? one : (pickText(one, ["key", "activity"]) ?? [])));
    return { keys, lastActivity };
  }
  const fields = isFields(told) ? told : isFields(payload) ? payload : {};
  return { keys: Object.keys(fields).filter((key) => KEY.test(key)), lastActivity };
}
