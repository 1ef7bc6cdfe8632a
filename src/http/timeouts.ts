import type { Send } from "./types.ts";

export type DefaultTimeouts = {
  /** Milliseconds until the response head. */
  readonly headersTimeoutMs: number;
  /** Milliseconds of silence within the body. */
  readonly bodyTimeoutMs: number;
};

/** Gives limits to requests that name none of their own. */
export const withTimeouts =
  (send: Send, defaults: DefaultTimeouts): Send =>
  (request, signal) =>
    send({ ...defaults, ...request }, signal);
