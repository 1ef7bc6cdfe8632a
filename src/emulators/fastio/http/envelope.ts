import { createHash } from "node:crypto";
import type { FastioKnobs } from "../knobs.ts";
import type { ApiRefusal } from "../protocol/faults.ts";
import { formatTime } from "../protocol/times.ts";

type Json = Readonly<Record<string, unknown>>;
type EnvelopeKnobs = Pick<
  FastioKnobs,
  "envelope" | "errorCodes" | "errorNumbers" | "flatErrors" | "validationStatus" | "deniedStatus"
>;

/** Puts the chosen envelope around a payload. */
export function wrap(knobs: EnvelopeKnobs, success: boolean, payload: Json, nowMs: number): Json {
  const result = knobs.envelope === "E3" ? (success ? "yes" : "no") : success;
  const status = knobs.envelope === "E4" ? { status: success ? "ok" : "error" } : {};
  const tail = { ...status, current_api_version: "1.0", server_date: formatTime(nowMs) };
  if (knobs.envelope === "E1" || knobs.envelope === "E4" || !success) return { result, ...tail, ...payload };
  return { result, response: payload, ...tail };
}

/** Numbers that were seen on the wire where the documentation has these classes. */
const SITES: Readonly<Record<number, number>> = { 1605: 10571, 1650: 10008, 1680: 10560, 1695: 274701 };

/** Another place of the same class has another number; six digits, the same ones each time. */
function siteOf(code: number, text: string): number {
  if (code < 1600 || code > 1699) return code;
  const known = SITES[code];
  if (known !== undefined) return known;
  return 100_000 + (createHash("sha256").update(`${code} ${text}`).digest().readUInt32BE(0) % 100_000);
}

/** HTTP status and body of a refusal. */
export function refusalBody(
  knobs: EnvelopeKnobs,
  refusal: ApiRefusal,
  resource: string,
): { readonly status: number; readonly body: Json } {
  const { message, params } = refusal;
  const chosen = { validation: knobs.validationStatus, denied: knobs.deniedStatus } as const;
  const status = typeof refusal.status === "number" ? refusal.status : chosen[refusal.status];
  const code = knobs.errorNumbers === "site" ? siteOf(refusal.code, message) : refusal.code;
  if (knobs.flatErrors === "406" && status === 406) return { status, body: { error_message: message, error_id: code } };
  return {
    status,
    body: {
      error: {
        code: knobs.errorCodes === "string" ? String(code) : code,
        text: message,
        message,
        resource,
        documentation_url: "https://docs.fast.io/",
        ...(params === undefined ? {} : { params }),
      },
    },
  };
}
