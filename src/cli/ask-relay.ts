import type { Config } from "../config.ts";
import { RelayError } from "../errors.ts";
import { messageOf } from "../message-of.ts";
import type { CliContext } from "./context.ts";

/** Whether an embedded ledger is in the hands of a running relay, which is then to be asked. */
export const isHeldByRelay = (error: unknown): boolean => error instanceof RelayError && error.code === "ledger_locked";

/**
 * Asks the running relay, by its API and with the operator token of RELAY_TOKENS.
 * @param path such as `/api/runs/r1/cancel`
 * @returns its status and what it told; undefined when it could not be asked, which has been said
 */
export async function askRelay(
  context: CliContext,
  { http, tokens }: Config,
  path: string,
  body: Readonly<Record<string, unknown>>,
): Promise<{ readonly status: number; readonly told: unknown } | undefined> {
  const token = tokens.find(({ role }) => role !== "viewer")?.token;
  if (token === undefined) {
    context.warn("a running relay holds the ledger, and RELAY_TOKENS has no operator token to ask it with");
    return undefined;
  }
  const origin = `http://${http.host.includes(":") ? `[${http.host}]` : http.host}:${http.port}`;
  try {
    const response = await fetch(`${origin}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return { status: response.status, told: await response.json() };
  } catch (error) {
    context.warn(`a relay holds the ledger, but does not answer at ${origin}: ${messageOf(error)}`);
    return undefined;
  }
}

/** What the relay said against it. */
export function refusalOf({ status, told }: { readonly status: number; readonly told: unknown }): string {
  const words = typeof told === "object" && told !== null && "error" in told ? told.error : undefined;
  return typeof words === "string" ? words : `the relay answered ${status}`;
}
