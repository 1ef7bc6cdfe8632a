import { PermanentError } from "../errors.ts";
import type { IsConfigured } from "./guarded-lookup.ts";
import type { Send } from "./types.ts";

/**
 * Refuses every request that would leave for another place than the allowed ones, before a byte is sent.
 *
 * @param allowed origins such as `https://api.fast.io`, of which scheme, host and port must all agree; or what decides
 * @throws {PermanentError} `host_refused`
 */
export function withHostGuard(send: Send, allowed: readonly string[] | ((url: URL) => boolean)): Send {
  const isAllowed = typeof allowed === "function" ? allowed : isOneOf(allowed);
  return async (request, signal) => {
    refuseOtherHosts(request.url, isAllowed, request.operation);
    return send(request, signal);
  };
}

/** @throws {PermanentError} `host_refused` */
export function refuseOtherHosts(url: URL, isAllowed: (url: URL) => boolean, operation: string): void {
  if (isAllowed(url)) return;
  throw new PermanentError("host_refused", `${operation}: ${url.host} is not a configured host`, {
    operation,
    failure: "misconfigured",
    nextAction: "Check the configured API URLs; add this host only if you trust it.",
  });
}

/** @param origins such as `https://api.fast.io`; what stands after host and port is not looked at */
export function isOneOf(origins: readonly string[]): IsConfigured {
  const allowed = new Set(origins.map((origin) => new URL(origin).origin));
  return ({ origin }) => allowed.has(origin);
}

/** A host name, or `*.` and the name of a domain for all hosts below it. */
export const HOST_PATTERN =
  /^(?:\*\.)?(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;

/** Whether a URL leads to one of these hosts, by https or http at its own port, without a name and a password in it. */
export function leadsToHost(url: URL, patterns: readonly string[]): boolean {
  if (!/^https?:$/.test(url.protocol) || url.port !== "" || url.username !== "" || url.password !== "") return false;
  const host = url.hostname.toLowerCase().replace(/\.$/, "");
  return patterns.some((pattern) => {
    const wanted = pattern.toLowerCase();
    return wanted.startsWith("*.") ? host.endsWith(wanted.slice(1)) : host === wanted;
  });
}
