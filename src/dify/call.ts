import { z } from "zod";
import type { Clock } from "../clock.ts";
import { type RelayError, TransientError } from "../errors.ts";
import { readJson, readText } from "../http/readers.ts";
import { withRetry } from "../http/retry.ts";
import { parseRetryAfter, serverTimeMs } from "../http/retry-after.ts";
import type { OutboundRequest, OutboundResponse, Send } from "../http/types.ts";
import { errorOfRefusal } from "./dify-error.ts";

/** Answers that are read whole: outputs of a run may be megabytes of text. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_REFUSAL_BYTES = 64 * 1024;
const ANSWER_TIMEOUT_MS = 60_000;

export type DifyRequest = Pick<OutboundRequest, "operation" | "method" | "repeatable"> & {
  /** Below the API root, with a leading slash; its variable parts already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: OutboundRequest["body"];
  readonly headersTimeoutMs?: number;
  readonly bodyTimeoutMs?: number;
};

const FOREIGN_ACTION = "Look at what stands between the relay and Dify: something else answered in its place.";

/** Calls of one app's API. Both reject with the errors of the one table, or as the transport does. */
export type DifyCall = {
  /** A 2xx answer with its body unread. */
  open(request: DifyRequest, signal: AbortSignal): Promise<OutboundResponse>;
  /** @throws {TransientError} also `answer_malformed` when the answer is no JSON, or not what the schema says */
  read<T>(request: DifyRequest, schema: z.ZodType<T>, signal: AbortSignal): Promise<T>;
};

export type CallDeps = {
  /** The bare transport; calls that may be repeated are, twice at most, here. */
  readonly send: Send;
  /** As `normaliseBaseUrl` gives it. */
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly clock: Clock;
  readonly random: () => number;
};

/** Calls of one app. What may be repeated is, twice at most; a refusal is thrown as the table of failures has it. */
export function createCall({ send, baseUrl, apiKey, clock, random }: CallDeps): DifyCall {
  const sendAgain = withRetry(send, { clock, random });

  const open = async (request: DifyRequest, signal: AbortSignal): Promise<OutboundResponse> => {
    const response = await sendAgain(toOutbound(request, baseUrl, apiKey), signal);
    if (response.status >= 200 && response.status < 300) return response;
    const refusal = await refusalOf(response, request.operation, clock.now());
    signal.throwIfAborted();
    throw refusal;
  };

  const read = async <T>(request: DifyRequest, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> => {
    const response = await open(request, signal);
    const { operation } = request;
    const answer = await readJson(response, { maxBytes: MAX_ANSWER_BYTES }, { operation, nextAction: FOREIGN_ACTION });
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    // Paths say where the shape differs; values stay out.
    const where = parsed.error.issues.map((issue) => issue.path.join(".") || "the whole").slice(0, 5);
    // Gateways put their refusals into JSON as well, some with the status of a success: like a page, that passes.
    throw new TransientError("answer_malformed", `${operation}: unexpected shape at ${where.join(", ")}`, {
      operation,
      status: response.status,
      nextAction: FOREIGN_ACTION,
    });
  };

  return { open, read };
}

function toOutbound(request: DifyRequest, baseUrl: string, apiKey: string): OutboundRequest {
  const { operation, method, repeatable, path, query, json, headers, body } = request;
  const url = new URL(`${baseUrl}${path}`);
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  const text = json === undefined ? undefined : JSON.stringify(json);
  return {
    operation,
    method,
    url,
    repeatable,
    headers: {
      accept: "application/json",
      // A server that compresses may hold events back to fill its buffer.
      "accept-encoding": "identity",
      "user-agent": "fastio-dify-relay",
      authorization: `Bearer ${apiKey}`,
      ...(text === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(text === undefined ? (body === undefined ? {} : { body }) : { body: () => text }),
    headersTimeoutMs: request.headersTimeoutMs ?? ANSWER_TIMEOUT_MS,
    bodyTimeoutMs: request.bodyTimeoutMs ?? ANSWER_TIMEOUT_MS,
  };
}

/** Dify's envelope; members that are missing or odd do not hide the rest. */
const envelopeSchema = z.object({
  code: z.string().optional().catch(undefined),
  message: z.string().catch(""),
});

/** The error for an answer that is no success. Reads the body, so that the connection can be used again. */
export async function refusalOf(response: OutboundResponse, operation: string, nowMs: number): Promise<RelayError> {
  const envelope = envelopeSchema.safeParse(await jsonOrNothing(response));
  return errorOfRefusal({
    operation,
    status: response.status,
    json: envelope.success,
    code: envelope.data?.code,
    message: envelope.data?.message ?? "",
    retryAfterMs: parseRetryAfter(response.headers["retry-after"], serverTimeMs(response.headers, nowMs)),
    requestId: response.headers["x-trace-id"],
  });
}

/** The status alone decides when the body is too long, broken or not JSON, as from a gateway. */
async function jsonOrNothing(response: OutboundResponse): Promise<unknown> {
  try {
    return JSON.parse(await readText(response, { maxBytes: MAX_REFUSAL_BYTES }));
  } catch {
    return undefined;
  }
}
