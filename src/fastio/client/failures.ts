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

/** What a person should do, for failures that do not pass by themselves. */
const DO = {
  plan: "Check the Fast.io plan, its limits and credits.",
  key: "The Fast.io API key is wrong or was revoked: set a valid FASTIO_API_KEY.",
  verify: "Confirm the e-mail address of the Fast.io account, then try again.",
  access: "Give the key's user access to this workspace or share, or a key with wider scopes.",
  gone: "Look in Fast.io's trash, and whether the key's user may still see it.",
  conflict: "Look in Fast.io at what is there already, and rename or remove it.",
  size: "Send a smaller file, or use a plan that takes larger ones.",
  content: "Send the content again: what arrived is not what was sent.",
  request:
    "Change what the named fields ask for; if they come from no rule of yours, report it as a fault of the relay.",
  route: "Check FASTIO_API_URL and FASTIO_DIALECT: this server has no such route.",
  foreign: "Look at what stands between the relay and Fast.io: something else answered in its place.",
} as const;

const PLAN = { code: "plan_required", failure: "misconfigured", nextAction: DO.plan } as const;
const KEY = {
  code: "unauthorized",
  failure: "misconfigured",
  says: "the key was refused",
  nextAction: DO.key,
} as const;
const ACCESS = {
  code: "forbidden",
  failure: "misconfigured",
  says: "not allowed for this key",
  nextAction: DO.access,
} as const;
const GONE = { code: "not_found", failure: "gone", says: "not found", nextAction: DO.gone } as const;
/** The key is a good one, and may not go here: its user is no member, or its scope ends before. They come as 401 too. */
const NOT_HERE: readonly string[] = ["10545", "10175", "115069"];
const UNVERIFIED = {
  code: "unauthorized",
  failure: "misconfigured",
  says: "the account's e-mail address was never confirmed",
  nextAction: DO.verify,
} as const;
const CONFLICT = {
  code: "conflict",
  failure: "permanent",
  says: "conflicts with what is there",
  nextAction: DO.conflict,
} as const;
const BUSY = { code: "rate_limited", failure: "throttled", says: "too many requests" } as const;
const REFUSED: Row = {
  code: "invalid_request",
  failure: "permanent",
  says: "the request was refused",
  nextAction: DO.request,
};
const NO_ROUTE: Row = { code: "unsupported_here", failure: "permanent", says: "no such route", nextAction: DO.route };
const UNAVAILABLE: Row = { code: "upstream_unavailable", failure: "transient", says: "the server failed" };
/** A page for maintenance, or to log in to a network: it says nothing of what was asked, and it passes. */
const FOREIGN: Row = {
  code: "answer_malformed",
  failure: "transient",
  says: "an answer that is not Fast.io's",
  nextAction: DO.foreign,
};

/**
 * The one table of what Fast.io's failures mean; the first row that fits decides.
 *
 * Statuses lead, since the wire mostly carries codes of the throwing line rather than the documented ones.
 * A row with both needs both; rows with codes alone are for meanings whose status was seen to vary, and for
 * failures that come with status 200.
 */
const TABLE: readonly Row[] = [
  { codes: ["1685", "1688", "1695", "1696", "274701"], ...PLAN, says: "the plan does not allow it" },
  { status: [402], ...PLAN, says: "payment required" },
  { codes: ["10522"], code: "upload_failed", failure: "transient", says: "the chunks do not add up" },
  {
    codes: ["10778"],
    code: "hash_mismatch",
    failure: "permanent",
    says: "the content does not match its checksum",
    nextAction: DO.content,
  },
  { codes: ["9992"], ...NO_ROUTE },
  { status: [405], ...NO_ROUTE },
  { codes: ["10587"], ...UNVERIFIED },
  { codes: NOT_HERE, ...ACCESS },
  { status: [401], ...KEY },
  { status: [403], ...ACCESS },
  { status: [404, 410], ...GONE },
  { status: [409], ...CONFLICT },
  { status: [413], code: "too_large", failure: "permanent", says: "too large", nextAction: DO.size },
  { status: [400, 406, 412, 422], ...REFUSED },
  { status: [429], ...BUSY },
  { status: [408, 425], code: "upstream_unavailable", failure: "transient", says: "not now" },
  // Failures that came with a success status: only the documented codes can tell.
  { codes: ["1650", "10008", "10011"], ...KEY },
  { codes: ["1670", "1680"], ...ACCESS },
  { codes: ["1609"], ...GONE },
  { codes: ["1660"], ...CONFLICT },
  { codes: ["1671", "10368"], ...BUSY },
];

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

/** Pages of something in between say little: only "slower", "too large" and "no such route" are believed. */
function foreignRow(status: number): Row {
  if (status === 404 || status === 405) return NO_ROUTE;
  return TABLE.find((row) => [408, 413, 425, 429].includes(status) && row.status?.includes(status)) ?? FOREIGN;
}
