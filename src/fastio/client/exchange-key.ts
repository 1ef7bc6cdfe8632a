import type { Exchange } from "./auth.ts";
import type { Opened } from "./envelope.ts";
import { asNumber, pickText } from "./pick.ts";
import { readTime } from "./read-time.ts";

/** Answers that mean the server swaps no keys; its real meaning there is to make a new key, which needs another one. */
const NOT_SWAPPED = new Set([401, 403, 404, 405, 406]);

/**
 * Reads the answer to a swap of the key for a session token. The guide names no field, so the likely ones are tried.
 * @returns undefined for a failure that says nothing about swapping
 */
export function readExchange(status: number, opened: Opened, nowMs: number): Exchange | undefined {
  if (opened.kind !== "payload") return NOT_SWAPPED.has(status) ? { kind: "refused", status } : undefined;
  const { payload } = opened;
  const places = ["session", "auth", "user"];
  const token = pickText(payload, ["auth_token", "token", "session_token", "access_token"], places);
  if (token === undefined) return { kind: "refused", status };
  const seconds = asNumber(pickText(payload, ["expires_in"], places));
  const endsAtMs = readTime(pickText(payload, ["expires", "expires_at"], places));
  const lifetimeMs = seconds !== undefined ? seconds * 1_000 : endsAtMs === undefined ? undefined : endsAtMs - nowMs;
  return { kind: "session", token, lifetimeMs: lifetimeMs !== undefined && lifetimeMs > 0 ? lifetimeMs : undefined };
}
