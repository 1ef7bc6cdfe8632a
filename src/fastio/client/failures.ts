import { type FailureClass, type FailureCode, PermanentError, type RelayError, TransientError } from "../../errors.ts";
import type { Problem } from "./envelope.ts";

/** An answer that is a failure. */
export type FailedAnswer = {
  readonly operation: string;
  readonly status: number;
  /** undefined: the body was none of Fast.io's own. */
  readonly problem: Problem | undefined;
  /** What a 429 or 503 asks for, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  readonly requestId?: string | undefined;
};

type Row = {
  readonly status?: readonly number[];
  readonly codes?: readonly string[];
  readonly code: FailureCode;
  readonly failure: FailureClass;
  readonly says: string;
  readonly nextAction?: string;
};

/**
 * The one table of what Fast.io's failures mean; the first row that fits decides.
 *
 * Statuses lead, since the wire mostly carries codes of the throwing line rather than the documented ones.
 * A row with both needs both; rows with codes alone are for meanings whose status was seen to vary, and for
 * failures that come with status 200.
 */
const TABLE: readonly Row[] = [
  {
    codes: ["1685", "1688", "1695", "1696"],
    code: "plan_required",
    failure: "misconfigured",
    says: "the plan does not allow it",
    nextAction: "Check the Fast.io plan, its limits and credits.",
  },
  {
    status: [402],
    code: "plan_required",
    failure: "misconfigured",
    says: "payment required",
    nextAction: "Check the Fast.io plan, its limits and credits.",
  },
  { codes: ["10522"], code: "upload_failed", failure: "transient", says: "the chunks do not add up" },
  { codes: ["10778"], code: "hash_mismatch", failure: "permanent", says: "the content does not match its checksum" },
  { codes: ["9992"], code: "unsupported_here", failure: "permanent", says: "no such route" },
  { status: [405], code: "unsupported_here", failure: "permanent", says: "no such route" },
  {
    status: [401],
    code: "unauthorized",
    failure: "misconfigured",
    says: "the key was refused",
    nextAction: "The Fast.io API key is wrong or was revoked: set a valid FASTIO_API_KEY.",
  },
  {
    status: [403],
    code: "forbidden",
    failure: "misconfigured",
    says: "not allowed for this key",
    nextAction: "Give the key's user access to this workspace or share, or a key with wider scopes.",
  },
  { status: [404, 410], code: "not_found", failure: "gone", says: "not found" },
  { status: [409], code: "conflict", failure: "permanent", says: "conflicts with what is there" },
  { status: [413], code: "too_large", failure: "permanent", says: "too large" },
  { status: [400, 406, 412, 422], code: "invalid_request", failure: "permanent", says: "the request was refused" },
  { status: [429], code: "rate_limited", failure: "throttled", says: "too many requests" },
  { status: [408, 425], code: "upstream_unavailable", failure: "transient", says: "not now" },
  // Failures that came with a success status: only the documented codes can tell.
  { codes: ["1650", "10008", "10011"], code: "unauthorized", failure: "misconfigured", says: "the key was refused" },
  { codes: ["1670", "1680"], code: "forbidden", failure: "misconfigured", says: "not allowed for this key" },
  { codes: ["1609"], code: "not_found", failure: "gone", says: "not found" },
  { codes: ["1660"], code: "conflict", failure: "permanent", says: "conflicts with what is there" },
  { codes: ["1671", "10368"], code: "rate_limited", failure: "throttled", says: "too many requests" },
];

const UNAVAILABLE: Row = { code: "upstream_unavailable", failure: "transient", says: "the server failed" };
const REFUSED: Row = { code: "invalid_request", failure: "permanent", says: "the request was refused" };
const NO_ROUTE: Row = { code: "unsupported_here", failure: "permanent", says: "no such route" };
const FOREIGN: Row = { code: "answer_malformed", failure: "permanent", says: "an answer that is not Fast.io's" };

/** Turns a failed answer into an error. Names status, code and field names; never what the upstream wrote. */
export function toFailure(answer: FailedAnswer): RelayError {
  const { operation, status, problem, requestId } = answer;
  const row = rowFor(answer);
  const about = problem === undefined ? [] : [...problem.fields, ...(problem.reason ? [problem.reason] : [])];
  const message = `${operation}: ${row.says} (${[`status ${status}`, ...about].join(", ")})`;
  const detail = { status, operation, requestId, upstreamCode: problem?.code, nextAction: row.nextAction };
  const { failure } = row;
  if (failure === "transient" || failure === "throttled") {
    const retryAfterMs = problem?.retryAfterMs ?? answer.retryAfterMs;
    return new TransientError(row.code, message, { ...detail, failure, retryAfterMs });
  }
  return new PermanentError(row.code, message, { ...detail, failure });
}

function rowFor({ status, problem }: FailedAnswer): Row {
  if (status >= 500) return UNAVAILABLE;
  if (problem === undefined) return foreignRow(status);
  const fits = (row: Row): boolean =>
    (row.status?.includes(status) ?? true) && (row.codes === undefined || row.codes.includes(problem.code ?? ""));
  return TABLE.find(fits) ?? REFUSED;
}

/** Pages of something in between say little: only "slower" and "no such route" are believed. */
function foreignRow(status: number): Row {
  if (status === 404 || status === 405) return NO_ROUTE;
  return TABLE.find((row) => [408, 425, 429].includes(status) && row.status?.includes(status)) ?? FOREIGN;
}
