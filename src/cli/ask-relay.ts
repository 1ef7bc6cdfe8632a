import { nameHeader } from "../../handlers/person-name.ts";
import type { Config, Role } from "../config.ts";
import { RelayError } from "../errors.ts";
import { type Db, openLedger } from "../ledger/open-ledger.ts";
import { messageOf } from "../message-of.ts";
import { silentLog } from "../telemetry/log.ts";
import type { CliContext } from "./context.ts";
import { whoAmI } from "./who-am-i.ts";

/** Whether an embedded ledger is in the hands of a running relay, which is then to be asked. */
export const isHeldByRelay = (error: unknown): boolean => error instanceof RelayError && error.code === "ledger_locked";

/** Does something in the ledger; where a running relay holds it, through that relay instead. */
export async function inLedgerOrRelay<T>(
  { ledger: { url } }: Config,
  inLedger: (db: Db) => Promise<T>,
  throughRelay: () => Promise<T>,
): Promise<T> {
  try {
    const ledger = await openLedger(url, silentLog);
    try {
      return await inLedger(ledger.db);
    } finally {
      await ledger.close();
    }
  } catch (error) {
    if (!isHeldByRelay(error)) throw error;
    return throughRelay();
  }
}

export type RelayRequest = {
  /** Such as `/api/runs/r1/cancel`. */
  readonly path: string;
  /** Sent by POST; without it, the request is a GET. */
  readonly body?: Readonly<Record<string, unknown>> | undefined;
  /** Whose token of RELAY_TOKENS is needed; by default an operator's. */
  readonly role?: Exclude<Role, "viewer">;
};

/**
 * Asks the running relay, by its API and with a token of RELAY_TOKENS.
 * @returns undefined when it could not be asked, which has been said
 */
export async function requestRelay(
  context: CliContext,
  { http, tokens }: Config,
  { path, body, role: needed = "operator" }: RelayRequest,
): Promise<Response | undefined> {
  const token = tokens.find(({ role }) => role === "admin" || role === needed)?.token;
  if (token === undefined) {
    context.warn(`a running relay holds the ledger, and RELAY_TOKENS has no ${needed} token to ask it with`);
    return undefined;
  }
  const origin = `http://${http.host.includes(":") ? `[${http.host}]` : http.host}:${http.port}`;
  const asked = { authorization: `Bearer ${token}`, ...nameHeader(whoAmI()) };
  try {
    return await fetch(`${origin}${path}`, {
      signal: context.signal,
      ...(body === undefined
        ? { headers: asked }
        : {
            method: "POST",
            headers: { ...asked, "content-type": "application/json" },
            body: JSON.stringify(body),
          }),
    });
  } catch (error) {
    context.warn(`a relay holds the ledger, but does not answer at ${origin}: ${messageOf(error)}`);
    return undefined;
  }
}

/**
 * The same for what is told as JSON.
 * @returns its status and what it told; undefined when it could not be asked, which has been said
 */
export async function askRelay(
  context: CliContext,
  config: Config,
  request: RelayRequest,
): Promise<{ readonly status: number; readonly told: unknown } | undefined> {
  const response = await requestRelay(context, config, request);
  return response && { status: response.status, told: await response.json().catch(() => undefined) };
}

/** What the relay said against it. */
export function refusalOf({ status, told }: { readonly status: number; readonly told: unknown }): string {
  const words = typeof told === "object" && told !== null && "error" in told ? told.error : undefined;
  return typeof words === "string" ? words : `the relay answered ${status}`;
}
