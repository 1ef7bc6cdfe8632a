import type { FastioKnobs } from "../knobs.ts";
import type { ApiRefusal } from "../protocol/faults.ts";
import { formatTime } from "../protocol/times.ts";

type Json = Record<string, unknown>;
type EnvelopeKnobs = Pick<FastioKnobs, "envelope" | "errorCodes" | "validationStatus">;

/** Puts the chosen envelope around a payload. */
export function wrap(knobs: EnvelopeKnobs, success: boolean, payload: Json, nowMs: number): Json {
  const result = knobs.envelope === "E3" ? (success ? "yes" : "no") : success;
  const tail = { current_api_version: "1.0", server_date: formatTime(nowMs) };
  if (knobs.envelope === "E1" || !success) return { result, ...payload, ...tail };
  return { result, response: payload, ...tail };
}

/** HTTP status and `error` object of a refusal. */
export function refusalBody(
  knobs: EnvelopeKnobs,
  refusal: ApiRefusal,
): { readonly status: number; readonly body: Json } {
  const { code, message, params } = refusal;
  return {
    status: refusal.status === "validation" ? knobs.validationStatus : refusal.status,
    body: {
      error: {
        code: knobs.errorCodes === "string" ? String(code) : code,
        text: message,
        message,
        documentation_url: "https://docs.fast.io/",
        ...(params === undefined ? {} : { params }),
      },
    },
  };
}
