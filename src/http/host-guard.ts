import { PermanentError } from "../errors.ts";
import type { Send } from "./types.ts";

/**
 * Refuses every request that would leave for another place than the configured ones, before a byte is sent.
 *
 * @param allowedOrigins such as `https://api.fast.io`; scheme, host and port must all agree
 * @throws {PermanentError} `host_refused`
 */
export function withHostGuard(send: Send, allowedOrigins: readonly string[]): Send {
  const allowed = new Set(allowedOrigins.map((origin) => new URL(origin).origin));
  return async (request, signal) => {
    if (!allowed.has(request.url.origin)) {
      throw new PermanentError("host_refused", `${request.operation}: ${request.url.host} is not a configured host`, {
        operation: request.operation,
        failure: "misconfigured",
        nextAction: "Check the configured API URLs; add this host only if you trust it.",
      });
    }
    return send(request, signal);
  };
}
