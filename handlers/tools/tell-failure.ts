import { RelayError, TransientError } from "../../src/errors.ts";
import { ToolRefusal } from "./refuse.ts";
import type { Json } from "./tool.ts";

export type ToolOutcome = {
  /** HTTP status. */
  readonly status: number;
  readonly body: Json;
  readonly retryAfterSeconds?: number;
};

/** What went wrong, in the words and numbers that a model gets. */
export const failure = (
  status: number,
  code: string,
  message: string,
  nextAction: string,
  retryAfterSeconds?: number,
): ToolOutcome => ({
  status,
  body: { status, code, message, nextAction },
  ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
});

const LATER = "Call again a little later; with the same requestId, if you gave one.";
const OTHER_HOST =
  "Take it from another host; which ones are read, whoever runs the relay says under fetch: in its rules file.";
const OPERATOR = "Tell whoever runs the relay; calling again will not help.";

/** @returns undefined for what is nobody's expected ending: a bug */
export function tellFailure(error: unknown): ToolOutcome | undefined {
  if (error instanceof ToolRefusal)
    return failure(error.answer, error.code, error.message, error.nextAction ?? "Correct the input and call again.");
  if (error instanceof DOMException && error.name === "TimeoutError")
    return failure(504, "timed_out", "it took longer than a call may take", LATER, 5);
  if (!(error instanceof RelayError)) return undefined;
  const { code, message, nextAction } = error;
  if (error instanceof TransientError) {
    const seconds = Math.max(1, Math.ceil((error.retryAfterMs ?? 5_000) / 1_000));
    const status = error.failure === "throttled" ? 429 : code === "timed_out" ? 504 : 503;
    return failure(status, code, message, nextAction ?? LATER, seconds);
  }
  // What Fast.io's client advises is for whoever runs the relay. Where a caller can do something else, that is told.
  if (error.failure === "gone") return failure(404, code, message, "Check the ids and names; listFiles tells some.");
  switch (code) {
    case "invalid_request":
      return failure(400, code, message, "Correct the input and call again.");
    case "host_refused":
      return failure(400, code, message, error.failure === "misconfigured" ? OTHER_HOST : (nextAction ?? OTHER_HOST));
    case "too_many_redirects":
    case "size_unknown":
      return failure(400, code, message, nextAction ?? "Correct the input and call again.");
    case "forbidden":
      return failure(403, code, message, OPERATOR);
    case "not_found":
      return failure(404, code, message, nextAction ?? "Check the ids and names.");
    case "conflict":
      return failure(409, code, message, nextAction ?? "Look at what is there, then call again.");
    case "too_large":
      return failure(413, code, message, nextAction ?? "Send a smaller file.");
    case "unsupported_here":
      return failure(422, code, message, nextAction ?? "This Fast.io server cannot do that.");
    case "plan_required":
      return failure(402, code, message, nextAction ?? "The plan or the credits of Fast.io do not allow it.");
    default:
      // Of the key's own troubles only that they are there: they are the operator's, not the caller's.
      return failure(502, code, `Fast.io did not do it: ${message}`, OPERATOR);
  }
}
