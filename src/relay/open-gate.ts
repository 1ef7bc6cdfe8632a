import { createAccess } from "../../handlers/access.ts";
import { createLockOut } from "../../handlers/lock-out.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config.ts";
import { createFindClient } from "../http/client-address.ts";
import type { AccessDeps } from "../routes/require-role.ts";
import type { Log } from "../telemetry/log.ts";

/** Who gets in, by the settings; one for all that a process serves, so that wrong tokens are counted together. */
export function openGate(
  { http, tokens }: Pick<Config, "http" | "tokens">,
  { clock, log, countAlerts }: { readonly clock: Clock; readonly log: Log } & Pick<AccessDeps, "countAlerts">,
): AccessDeps {
  return {
    access: createAccess(tokens),
    lockOut: createLockOut(log),
    findClient: createFindClient(http.proxies),
    trustsProxy: http.proxies !== undefined,
    clock,
    publicUrl: http.publicUrl,
    refusal: whyPagesAreRefused(http),
    countAlerts,
  };
}

/** Why pages are not served to other machines; undefined: they are. */
export function whyPagesAreRefused({
  host,
  proxies,
  allowsPlainHttp,
}: Pick<Config["http"], "host" | "proxies" | "allowsPlainHttp">): string | undefined {
  if (/^(localhost|127\.[\d.]+|::1)$/.test(host) || proxies !== undefined || allowsPlainHttp) return undefined;
  return `The relay listens at ${host}, where other machines reach it, and nothing says that tokens and files' names go there under TLS. Put a proxy with TLS before it and set TRUST_PROXY (with 1, or the proxy's addresses) and PUBLIC_URL; or set ALLOW_PLAIN_HTTP=on where you trust the network; or HOST=127.0.0.1. Then start the relay again.`;
}
