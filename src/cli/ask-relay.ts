import { nameHeader } from "../../handlers/person-name.ts";
import type { Config, Role } from "../config.ts";
import { PermanentError, RelayError, TransientError } from "../errors.ts";
import { askRelayAt } from "../http/ask-relay-at.ts";
import { type Db, openLedgerOfRelay } from "../ledger/open-ledger.ts";
import { messageOf } from "../message-of.ts";
import { silentLog } from "../telemetry/log.ts";
import { plain } from "../text/unseen.ts";
import { withoutEndSlashes } from "../text/without-end.ts";
import type { CliContext } from "./context.ts";
import { whoAmI } from "./who-am-i.ts";

/** Whether an embedded ledger is in the hands of a running relay, which is then to be asked. */
export const isHeldByRelay = (error: unknown): boolean => error instanceof RelayError && error.code === "ledger_locked";

/**
 * The one way in which commands choose: the relay that `--url` (or RELAY_URL) names; else the ledger itself; else, where
 * a running relay holds an embedded ledger, that relay, at HOST and PORT.
 */
export async function inLedgerOrRelay<T>(
  { ledger: { url }, ask }: Config,
  inLedger: (db: Db) => Promise<T>,
  throughRelay: () => Promise<T>,
): Promise<T> {
  if (ask.url !== undefined) return throughRelay();
  try {
    const ledger = await openLedgerOfRelay(url, silentLog);
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
  /** Whose token of RELAY_TOKENS is needed at least; by default an operator's. */
  readonly role?: Role;
  /** Ends this request; by default what ends the command. */
  readonly signal?: AbortSignal;
};

/** Where the running relay is, without a slash at the end. */
export function relayOrigin({ ask, http }: Pick<Config, "ask" | "http">): string {
  if (ask.url !== undefined) return withoutEndSlashes(ask.url);
  // What listens everywhere is asked here.
  const host = http.host === "0.0.0.0" || http.host === "::" ? "127.0.0.1" : http.host;
  return `http://${host.includes(":") ? `[${host}]` : host}:${http.port}`;
}

/** Least powerful first. */
const RANKS: readonly Role[] = ["viewer", "operator", "admin"];

/** The least powerful token that suffices. */
function tokenFor({ ask, tokens }: Pick<Config, "ask" | "tokens">, needed: Role): string | undefined {
  if (ask.token !== undefined) return ask.token;
  const enough = RANKS.slice(RANKS.indexOf(needed));
  return enough.flatMap((rank) => tokens.filter(({ role }) => role === rank))[0]?.token;
}

/**
 * Asks the running relay, by its API and with a token.
 * @throws {PermanentError} `config_invalid` when no token is known, `answer_malformed` when somebody else answers
 * @throws {TransientError} `upstream_unavailable` when somebody before it answers that it is away; and what `fetch`
 *   throws when nobody answers, or redirects
 */
export async function fetchRelay(
  { signal }: Pick<CliContext, "signal">,
  config: Config,
  { path, body, role: needed = "operator", signal: own = signal }: RelayRequest,
): Promise<Response> {
  const token = tokenFor(config, needed);
  if (token === undefined) {
    throw new PermanentError(
      "config_invalid",
      `the running relay is to be asked, and there is no ${needed} token to ask it with`,
      { failure: "misconfigured", nextAction: `set RELAY_TOKEN, or RELAY_TOKENS with an entry ${needed}:…` },
    );
  }
  const asked = { authorization: `Bearer ${token}`, ...nameHeader(whoAmI()) };
  const response = await askRelayAt(`${relayOrigin(config)}${path}`, {
    signal: own,
    ...(body === undefined
      ? { headers: asked }
      : {
          method: "POST",
          headers: { ...asked, "content-type": "application/json" },
          body: JSON.stringify(body),
        }),
  });
  const kind = response.headers.get("content-type") ?? "no content type";
  if (KINDS_OF_RELAY.test(kind)) return response;
  await response.body?.cancel();
  throw notOfRelay(config, response.status, kind);
}

/** What the API answers with, refusals too: JSON, and of the audit trail CSV or lines of JSON. */
const KINDS_OF_RELAY = /^(?:application\/(?:json|x-ndjson)|text\/csv)\b/i;

/** Another program at the relay's address, or one before it: a page for people to log in, or what a proxy says of a relay that is away. */
function notOfRelay(config: Config, status: number, kind: string): RelayError {
  const message = `${relayOrigin(config)} answered ${status} with ${plain(kind)}, which is no answer of a relay`;
  if (status >= 500) {
    return new TransientError("upstream_unavailable", message, {
      status,
      nextAction: `${whereToLook(config)}; a proxy says so when the relay behind it is away`,
    });
  }
  return new PermanentError("answer_malformed", message, {
    status,
    nextAction: `${whereToLook(config)}; a proxy that asks people to log in has to let /api through`,
  });
}

const whereToLook = ({ ask }: Config): string =>
  ask.url === undefined
    ? "check HOST and PORT, or say where it is: --url <address>"
    : "check the address (--url, RELAY_URL), and that the relay runs";

/** The same. @returns undefined when nobody answers, which has been said */
export async function requestRelay(
  context: CliContext,
  config: Config,
  request: RelayRequest,
): Promise<Response | undefined> {
  try {
    return await fetchRelay(context, config, request);
  } catch (error) {
    if (error instanceof RelayError || context.signal.aborted) throw error;
    const origin = relayOrigin(config);
    const why = causeOf(error);
    if (config.ask.url === undefined)
      context.warn(`a relay holds the ledger, but does not answer at ${origin}: ${why}`);
    else context.warn(`no relay answers at ${origin}: ${why}`);
    context.warn(`→ ${whereToLook(config)}`);
    return undefined;
  }
}

/** `fetch` only says that it failed; why stands in its cause. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error) || error.cause === undefined) return messageOf(error);
  const { cause } = error;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : undefined;
  return messageOf(cause) || (code ?? messageOf(error));
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

/**
 * Reads something of the relay.
 * @param role whose token is needed at least
 * @returns undefined when it did not tell it, which has been said
 */
export async function readRelay<T>(
  context: CliContext,
  config: Config,
  path: string,
  role: Role = "viewer",
): Promise<T | undefined> {
  const answer = await askRelay(context, config, { path, role });
  return answer && toldBy<T>(context, answer);
}

/** The same for one thing by its name. @returns null when the relay has none */
export async function findInRelay<T>(
  context: CliContext,
  config: Config,
  request: RelayRequest,
): Promise<T | null | undefined> {
  const answer = await askRelay(context, config, request);
  if (answer && tellsOfNone(answer)) return null;
  return answer && toldBy<T>(context, answer);
}

/** @returns what a relay told; undefined when it refused, which has been said */
export function toldBy<T>(
  context: CliContext,
  answer: { readonly status: number; readonly told: unknown },
): T | undefined {
  if (answer.status < 300) return answer.told as T; // our own answers
  context.warn(plain(refusalOf(answer)));
  if (answer.status === 401) context.warn("→ set RELAY_TOKEN to a token of that relay's RELAY_TOKENS");
  return undefined;
}

/** Whether a relay has nothing of the name it was asked for; another server that knows nothing is no relay. */
export const tellsOfNone = ({ status, told }: { readonly status: number; readonly told: unknown }): boolean =>
  status === 404 && wordsOf(told) !== undefined;

/** A member of a refusal that is a text. */
function textOf(told: unknown, member: "error" | "code"): string | undefined {
  const text =
    typeof told === "object" && told !== null ? (told as Partial<Record<string, unknown>>)[member] : undefined;
  return typeof text === "string" ? text : undefined;
}

/** Each refusal of a relay has them. */
const wordsOf = (told: unknown): string | undefined => textOf(told, "error");

/** Which of the reasons that share its status it was, where the API tells. */
export const codeOf = ({ told }: { readonly told: unknown }): string | undefined => textOf(told, "code");

/** What the relay said against it. */
export function refusalOf({ status, told }: { readonly status: number; readonly told: unknown }): string {
  return wordsOf(told) ?? `the relay answered ${status}`;
}
