import { believedWaitMs } from "../../http/retry-after.ts";
import { parseLosslessJson } from "../events/parse-lossless-json.ts";
import { asText, at, type Fields, isFields } from "./pick.ts";

/** What an upstream said about a failure, in all the forms it has for it. */
export type Problem = {
  /** Class code (1609) or call-site code (six digits), as text. */
  readonly code?: string;
  /** Machine-readable reason, e.g. `cursor_expired`. */
  readonly reason?: string;
  /** Names of the fields it complains about. */
  readonly fields: readonly string[];
  readonly retryAfterMs?: number;
};

export type Opened =
  | { readonly kind: "payload"; readonly payload: unknown }
  /** `body` is the answer as it came, for outcomes that are told in its details; it may quote what people wrote. */
  | { readonly kind: "problem"; readonly problem: Problem; readonly body: Fields }
  /** Not one of Fast.io's own answers: an error page of something in between, or nothing at all. */
  | { readonly kind: "foreign" };

/**
 * Opens one of the envelopes Fast.io wraps its answers in.
 *
 * As the official command line does: `result` (`true` or `"yes"`) decides and the status does not;
 * `response`, where present, is the payload, else the body itself is. `success: true` without `result`
 * is how the AI endpoints answer. An error without `result` counts as one whatever the status.
 */
export function openEnvelope(text: string): Opened {
  const body = parse(text);
  if (Array.isArray(body)) return { kind: "payload", payload: body };
  if (!isFields(body)) return { kind: "foreign" };
  const { result } = body;
  if (result === true || result === "yes") return { kind: "payload", payload: payloadOf(body) };
  if (result === undefined && body["success"] === true) return { kind: "payload", payload: body };
  const failed =
    result === false || result === "no" || body["error"] !== undefined || body["error_message"] !== undefined;
  return failed ? { kind: "problem", problem: readProblem(body), body } : { kind: "foreign" };
}

function payloadOf(body: Fields): unknown {
  if ("response" in body) return body["response"];
  const { current_api_version: _version, ...payload } = body;
  return payload;
}

function readProblem(body: Fields): Problem {
  const error = body["error"];
  const params = at(error, "params");
  const code = asText(at(error, "code")) ?? asText(at(error, "error_code")) ?? asText(body["error_id"]);
  const reason = asWord(at(params, "reason")) ?? asWord(at(error, "reason"));
  const seconds = Number(asText(at(params, "retry_after_seconds")) ?? Number.NaN);
  return {
    fields: Array.isArray(params) ? params.flatMap((row) => asWord(at(row, "name")) ?? []) : [],
    ...(code === undefined ? {} : { code: code.slice(0, 20) }),
    ...(reason === undefined ? {} : { reason }),
    ...(seconds >= 0 ? { retryAfterMs: believedWaitMs(Math.ceil(seconds * 1_000)) } : {}),
  };
}

/** Names go into errors and logs; prose, which may quote what people wrote, does not. */
const asWord = (value: unknown): string | undefined =>
  typeof value === "string" && /^[\w.[\]-]{1,60}$/.test(value) ? value : undefined;

/** Ids have 19 digits and sometimes come as numbers, more than a double holds: those are kept as text. */
function parse(text: string): unknown {
  const reading = parseLosslessJson(text);
  return reading.kind === "value" ? reading.value : undefined;
}
