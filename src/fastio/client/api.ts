import type { Clock } from "../../clock.ts";
import type { RelayError } from "../../errors.ts";
import { discard, readText } from "../../http/readers.ts";
import { type RetryOptions, withRetry } from "../../http/retry.ts";
import { parseRetryAfter, serverTimeMs } from "../../http/retry-after.ts";
import type { BodyFactory, OutboundRequest, OutboundResponse, Send } from "../../http/types.ts";
import type { Log } from "../../telemetry/log.ts";
import { withoutEndSlashes } from "../../text/without-end.ts";
import { type AuthWay, createAuth, type Exchange } from "./auth.ts";
import { type Opened, openEnvelope } from "./envelope.ts";
import { readExchange } from "./exchange-key.ts";
import { toFailure } from "./failures.ts";
import { createRateGate } from "./rate-gate.ts";
import { readRateLimitWaitMs, readRequestsLeft } from "./rate-limit.ts";

/** One call of the API, in our words: a row of a route table. */
export type Call = {
  readonly operation: string;
  readonly method: OutboundRequest["method"];
  /** Below the base URL, beginning and ending with a slash; made with `path`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as `application/x-www-form-urlencoded`; undefined entries are left out. */
  readonly form?: Readonly<Record<string, string | undefined>>;
  readonly json?: unknown;
  readonly body?: {
    readonly headers: Readonly<Record<string, string>>;
    readonly make: BodyFactory;
    /** It can be made but once: its source is a stream that is gone then. */
    readonly once?: boolean;
  };
  /** Goes without our key. */
  readonly anonymous?: boolean;
  /** Whether a second try is harmless. Default: only GET is. */
  readonly repeatable?: boolean;
  /**
   * The tries of this one request take longer, and wait up to a minute for a rate limit, since much work would be lost:
   * the steps of an upload. What comes after a request's tries is `patiently`'s, or the queue's.
   */
  readonly patient?: boolean;
  readonly headersTimeoutMs?: number;
};

/** An answer, whatever it says. */
export type Told = {
  readonly status: number;
  readonly opened: Opened;
  /** The error it amounts to, by the table of failures. */
  failure(): RelayError;
};

export type Api = {
  /** The payload of the answer, out of its envelope, not yet read. Rejects by the table of failures. */
  call(call: Call, signal: AbortSignal): Promise<unknown>;
  /** The answer out of its envelope, for calls of which some failures are outcomes. */
  ask(call: Call, signal: AbortSignal): Promise<Told>;
  /** The answer itself, whatever its status. */
  open(call: Call, signal: AbortSignal): Promise<OutboundResponse>;
  /** The payload of an answer already here. */
  read(operation: string, response: OutboundResponse): Promise<unknown>;
  /** GET without our key: for addresses that carry their own permission. Any status is an answer. */
  openPlain(
    operation: string,
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<OutboundResponse>;
  /** Absolute address of a path below the base URL. */
  url(path: string, query?: Readonly<Record<string, string | undefined>>): URL;
};

export type ApiDeps = {
  /** One attempt, with default timeouts and the host guard; retries are added here. */
  readonly send: Send;
  /** e.g. `https://api.fast.io/current`; with or without a slash at its end. */
  readonly baseUrl: string;
  readonly apiKey: string;
  /** How the key is used. Default `key`: as it is. */
  readonly auth?: AuthWay;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
};

/** A page of 500 nodes told in full is about one MiB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Below this many requests left in the window the log says so. */
const FEW_REQUESTS = 5;
const USER_AGENT = "fastio-dify-relay";

/** The longest wait for a rate limit that is waited out here rather than by the queue, in milliseconds. */
const HASTY_WAIT_MS = 2_000;
const PATIENT_WAIT_MS = 65_000;
const EXCHANGE_TIMEOUT_MS = 30_000;

/** The layer all endpoints share: key, forms, rate limits, retries, envelopes, failures. */
export function createApi({ send, baseUrl, apiKey, auth: way = "key", clock, random, log }: ApiDeps): Api {
  const base = withoutEndSlashes(baseUrl);
  const gate = createRateGate({ clock, log });
  const retrying = (longestWaitMs: number, options: RetryOptions) =>
    withRetry(gate.guard(send, longestWaitMs), { clock, random }, { ...options, longestWaitMs, readWaitMs });
  // Besides real conflicts 409 tells of another request under way for the same thing, as the official command line has it.
  const hasty = retrying(HASTY_WAIT_MS, { passing: [409] });
  const patient = retrying(PATIENT_WAIT_MS, { schedule: [500, 2_000, 8_000] });
  // Bytes come from elsewhere than answers, so the limit for calls does not hold for them.
  const plain = withRetry(send, { clock, random }, { readWaitMs });

  const url: Api["url"] = (path, query = {}) => {
    const address = new URL(`${base}${path}`);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) address.searchParams.set(name, value);
    return address;
  };

  const attempt = async (call: Call, token: string | undefined, signal: AbortSignal): Promise<OutboundResponse> => {
    const { headers, body } = encode(call);
    const response = await (call.patient ? patient : hasty)(
      {
        operation: call.operation,
        method: call.method,
        url: url(call.path, call.query),
        headers: {
          accept: "application/json",
          "user-agent": USER_AGENT,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
        repeatable: call.repeatable ?? call.method === "GET",
        undoneBy429: call.body?.once !== true,
        ...(body === undefined ? {} : { body }),
        ...(call.headersTimeoutMs === undefined ? {} : { headersTimeoutMs: call.headersTimeoutMs }),
      },
      signal,
    );
    const left = readRequestsLeft(response.headers);
    if (left !== undefined && left <= FEW_REQUESTS)
      log.warn("fastio.rate_limit.low", { operation: call.operation, left });
    return response;
  };

  /** Without our key: the live service would take this, with it, for the wish to make another key. */
  const exchange = async (signal: AbortSignal): Promise<Exchange> => {
    const operation = "fastio.auth.exchange";
    const told = await tell(
      operation,
      await attempt(
        {
          operation,
          method: "POST",
          path: "/user/auth/key/",
          form: { key: apiKey },
          repeatable: true,
          headersTimeoutMs: EXCHANGE_TIMEOUT_MS,
        },
        undefined,
        signal,
      ),
    );
    const answer = readExchange(told.status, told.opened, clock.now());
    if (answer === undefined) throw told.failure();
    return answer;
  };
  const auth = createAuth({ way, apiKey, exchange, clock, log });

  const open: Api["open"] = async (call, signal) => {
    if (call.anonymous === true) return attempt(call, undefined, signal);
    const token = await auth.token(signal);
    const response = await attempt(call, token, signal);
    if (response.status !== 401 || call.body?.once === true) return response;
    const other = await auth.replace(token, signal);
    if (other === undefined) return response;
    await discard(response);
    return attempt(call, other, signal);
  };

  const tell = async (operation: string, response: OutboundResponse): Promise<Told> => {
    const opened = openEnvelope(await readText(response, { maxBytes: MAX_ANSWER_BYTES }));
    const failure = () =>
      toFailure({
        operation,
        status: response.status,
        problem: opened.kind === "problem" ? opened.problem : undefined,
        retryAfterMs: readWaitMs(response, clock.now()),
        requestId: response.headers["x-request-id"] ?? response.headers["cf-ray"],
      });
    return { status: response.status, opened, failure };
  };

  const read: Api["read"] = async (operation, response) => {
    const told = await tell(operation, response);
    if (told.opened.kind === "payload") return told.opened.payload;
    throw told.failure();
  };

  return {
    url,
    open,
    read,
    call: async (call, signal) => read(call.operation, await open(call, signal)),
    ask: async (call, signal) => tell(call.operation, await open(call, signal)),
    openPlain: (operation, address, headers, signal) =>
      plain(
        {
          operation,
          method: "GET",
          url: address,
          headers: { "user-agent": USER_AGENT, ...headers },
          repeatable: true,
        },
        signal,
      ),
  };
}

const readWaitMs = (response: OutboundResponse, nowMs: number): number | undefined =>
  response.status === 429
    ? readRateLimitWaitMs(response.headers, nowMs)
    : parseRetryAfter(response.headers["retry-after"], serverTimeMs(response.headers, nowMs));

function encode(call: Call): { headers: Readonly<Record<string, string>>; body?: BodyFactory } {
  if (call.body !== undefined) return { headers: call.body.headers, body: call.body.make };
  if (call.json !== undefined) {
    const text = JSON.stringify(call.json);
    return { headers: { "content-type": "application/json" }, body: () => text };
  }
  if (call.form === undefined) return { headers: {} };
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(call.form)) if (value !== undefined) form.set(name, value);
  const text = form.toString();
  return { headers: { "content-type": "application/x-www-form-urlencoded" }, body: () => text };
}
