import { invalidParam, type Violation, validationError } from "./api-error.ts";
import { pythonJson } from "./python-json.ts";
import type { Run } from "./run.ts";

export type LogQuery = {
  readonly page: number;
  readonly limit: number;
  readonly matches: (run: Run) => boolean;
};

const STATUSES: readonly string[] = ["succeeded", "failed", "stopped"];
const KEYWORD_CHARACTERS = 30;

/** @throws {ApiError} `invalid_param` */
export function readLogQuery(query: URLSearchParams): LogQuery {
  const violations: Violation[] = [];
  const readCount = (name: string, fallback: number, max: number): number => {
    const text = query.get(name);
    if (text === null) return fallback;
    const count = Number(text);
    const refuse = (type: string, problem: string) =>
      violations.push({ field: name, text: `Input should be ${problem}`, type, input: text });
    if (!/^-?\d+$/.test(text)) refuse("int_parsing", "a valid integer, unable to parse string as an integer");
    else if (count < 1) refuse("greater_than_equal", "greater than or equal to 1");
    else if (count > max) refuse("less_than_equal", `less than or equal to ${max}`);
    return count;
  };
  const page = readCount("page", 1, 99_999);
  const limit = readCount("limit", 20, 100);
  const status = query.get("status") || null;
  if (status !== null && !STATUSES.includes(status))
    violations.push({
      field: "status",
      text: "Input should be 'succeeded', 'failed' or 'stopped'",
      type: "literal_error",
      input: status,
    });
  if (violations.length > 0) throw validationError("WorkflowLogQuery", violations);
  const account = query.get("created_by_account") || null;
  if (account !== null) throw invalidParam(`Account not found: ${account}`);

  const before = readDate(query, "created_at__before");
  const after = readDate(query, "created_at__after");
  const session = query.get("created_by_end_user_session_id") || null;
  const keyword = query.get("keyword")?.toLowerCase() || null;
  return {
    page,
    limit,
    matches: (run) =>
      (status === null || run.status === status) &&
      (session === null || run.user.sessionId === session) &&
      (before === null || run.createdAtMs <= before) &&
      (after === null || run.createdAtMs >= after) &&
      (keyword === null || holds(run, keyword)),
  };
}

function readDate(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null || text === "") return null;
  // The column is naive UTC: a stamp without a zone is read as such.
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/i.test(text);
  const at = Date.parse(hasZone || !text.includes("T") ? text : `${text}Z`);
  if (Number.isNaN(at)) throw invalidParam(`Invalid isoformat string: '${text}'`);
  return at;
}

/** Searches what is stored, in the form in which it is stored. */
function holds(run: Run, keyword: string): boolean {
  const stored = [pythonJson(run.inputs), pythonJson(run.outputs ?? {}), run.user.sessionId];
  const beginning = keyword.slice(0, KEYWORD_CHARACTERS);
  return run.id === keyword || stored.some((text) => text.toLowerCase().includes(beginning));
}
