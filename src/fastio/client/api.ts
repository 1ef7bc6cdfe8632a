import type { Clock } from "../../clock.ts";
import { readText } from "../../http/readers.ts";
import { type RetryOptions, withRetry } from "../../http/retry.ts";
import { parseRetryAfter } from "../../http/retry-after.ts";
import type { BodyFactory, OutboundRequest, OutboundResponse, Send } from "../../http/types.ts";
import type { Log } from "../../telemetry/log.ts";
import { openEnvelope } from "./envelope.ts";
import { toFailure } from "./failures.ts";
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
  readonly body?: { readonly headers: Readonly<Record<string, string>>; readonly make: BodyFactory };
  /** Whether a second try is harmless. Default: only GET is. */
  readonly repeatable?: boolean;
  /** Worth waiting up to a minute for, since much work would be lost: the steps of an upload. */
  readonly patient?: boolean;
  readonly headersTimeoutMs?: number;
};

export type Api = {
  /** The payload of the answer, out of its envelope, not yet read. Rejects by the table of failures. */
  call(call: Call, signal: AbortSignal): Promise<unknown>;
  /** The answer itself, whatever its status. */
  open(call: Call, signal: AbortSignal): Promise<OutboundResponse>;
  /** The payload of an answer already here. */
  read(operation: string, response: OutboundResponse): Promise<unknown>;
  /** GET without our key: for addresses that carry their own permission. Any status is an answer. */
  openPlain(operation: string, url: URL, signal: AbortSignal): Promise<OutboundResponse>;
  /** Absolute address of a path below the base URL. */
  url(path: string, query?: Readonly<Record<string, string | undefined>>): URL;
};

export type ApiDeps = {
  /** One attempt, with default timeouts and the host guard; retries are added here. */
  readonly send: Send;
  /** e.g. `https://api.fast.io/current`; with or without a slash at its end. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
};

/** A page of 500 nodes told in full is about one MiB. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Below this many requests left in the window the log says so. */
const FEW_REQUESTS = 5;
const USER_AGENT = "fastio-dify-relay";

/** The layer all endpoints share: key, forms, retries, envelopes, failures. */
export function createApi({ send, baseUrl, apiKey, clock, random, log }: ApiDeps): Api {
  const base = baseUrl.replace(/\/+$/, "");
  const retrying = (options: RetryOptions) => withRetry(send, { clock, random }, { ...options, readWaitMs });
  const hasty = retrying({});
  const patient = retrying({ schedule: [500, 2_000, 8_000], longestWaitMs: 65_000 });

  const url: Api["url"] = (path, query = {}) => {
    const address = new URL(`${base}${path}`);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) address.searchParams.set(name, value);
    return address;
  };

  const open: Api["open"] = async (call, signal) => {
    const { headers, body } = encode(call);
    const response = await (call.patient ? patient : hasty)(
      {
        operation: call.operation,
        method: call.method,
        url: url(call.path, call.query),
        headers: {
          accept: "application/json",
          "user-agent": USER_AGENT,
          authorization: `Bearer ${apiKey}`,
          ...headers,
        },
        repeatable: call.repeatable ?? call.method === "GET",
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

  const read: Api["read"] = async (operation, response) => {
    const opened = openEnvelope(await readText(response, { maxBytes: MAX_ANSWER_BYTES }));
    if (opened.kind === "payload") return opened.payload;
    throw toFailure({
      operation,
      status: response.status,
      problem: opened.kind === "problem" ? opened.problem : undefined,
      retryAfterMs: readWaitMs(response, clock.now()),
      requestId: response.headers["x-request-id"] ?? response.headers["cf-ray"],
    });
  };

  return {
    url,
    open,
    read,
    call: async (call, signal) => read(call.operation, await open(call, signal)),
    openPlain: (operation, address, signal) =>
      hasty(
        { operation, method: "GET", url: address, headers: { "user-agent": USER_AGENT }, repeatable: true },
        signal,
      ),
  };
}

const readWaitMs = (response: OutboundResponse, nowMs: number): number | undefined =>
  response.status === 429
    ? readRateLimitWaitMs(response.headers, nowMs)
    : parseRetryAfter(response.headers["retry-after"], nowMs);

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
