import type { Refusal } from "./fastio/examine-delivery.ts";

/** Fast.io sends ids, not files: more than this is not a delivery. */
export const MAX_DELIVERY_BYTES = 1_048_576;

/** What the sender is asked to wait when its delivery cannot be taken now. */
export const RETRY_AFTER_SECONDS = 5;

export type DeliveryAnswer = {
  readonly status: number;
  readonly error: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** What the sender is told, by the relay and by the edge worker alike. Of a bad signature: nothing. */
export const REFUSAL_ANSWERS = {
  signature: { status: 401, error: "refused" },
  stale: { status: 401, error: "refused" },
  shape: { status: 400, error: "malformed" },
  content_type: { status: 415, error: "application/json expected" },
  too_large: { status: 413, error: `over ${MAX_DELIVERY_BYTES} bytes` },
} as const satisfies Record<Refusal, DeliveryAnswer>;

/** @param retryAfterSeconds when there is a reason to ask for another wait than the usual one */
export const unavailableAnswer = (retryAfterSeconds = RETRY_AFTER_SECONDS): DeliveryAnswer => ({
  status: 503,
  error: "cannot commit now, send it again later",
  headers: { "Retry-After": String(retryAfterSeconds) },
});

export const UNAVAILABLE_ANSWER = unavailableAnswer();

export const WRONG_METHOD_ANSWER = {
  status: 405,
  error: "deliveries are sent with POST",
  headers: { Allow: "POST" },
} as const satisfies DeliveryAnswer;
