import type { LookupFunction } from "node:net";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import Agent from "undici/lib/dispatcher/agent.js";
import { asError } from "./as-error.ts";
import { exchange } from "./exchange.ts";
import { guardedConnector } from "./guarded-connector.ts";
import type { IsConfigured } from "./guarded-lookup.ts";
import { gather } from "./readers.ts";
import { createSpentBuffers } from "./spent-buffers.ts";
import { TransportError, toTransportError } from "./transport-error.ts";
import type { OutboundRequest, OutboundResponse, Send } from "./types.ts";

export type Transport = {
  readonly send: Send;
  /** Lets running requests end; answers nobody read to their end are dropped after a second. */
  close(): Promise<void>;
};

export type TransportOptions = {
  /** Milliseconds for DNS, TCP and TLS together. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Which places may be in a private network; all others must be of the public internet. */
  readonly isConfigured: IsConfigured;
  /** How names become addresses. Default: as the system does it. */
  readonly lookup?: LookupFunction | undefined;
};

/** Bodies of up to so many bytes, told before, go out with the head of their request in one piece instead of four. */
const WHOLE_BYTES = 64 * 1_024;
/** Milliseconds an idle connection is kept for the next request: below the 5 s of Node servers. */
const KEEP_ALIVE_MS = 4_000;
/** Milliseconds unread answers get when the transport is closed. */
const CLOSE_GRACE_MS = 1_000;

/**
 * The one door to the network. Keeps connections alive, never follows a redirect, never repeats a request.
 *
 * `send` rejects with `TransportError` (`connect_failed` with `sent: false`, `connection_lost`, `timed_out`)
 * or with the signal's reason; the answer's body fails in the same words. Any status is an answer.
 */
export function createTransport({ connectTimeoutMs = 10_000, isConfigured, lookup }: TransportOptions): Transport {
  const agent = new Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    pipelining: 1,
    connect: guardedConnector({ connectTimeoutMs, isConfigured, lookup }),
  });
  const cameIn = createSpentBuffers();
  const unread = new Set<Readable>();
  const close = async (): Promise<void> => {
    const closed = agent.close();
    await Promise.race([closed, delay(CLOSE_GRACE_MS, undefined, { ref: false })]);
    for (const body of unread) {
      body.destroy(new TransportError("connection_lost", "the transport was closed", { sent: true }));
    }
    await closed;
  };
  let closing: Promise<void> | undefined;
  return {
    send: async (request, signal) => {
      const response = await sendThrough({ agent, cameIn }, request, signal);
      unread.add(response.body);
      response.body.once("close", () => unread.delete(response.body));
      return response;
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function sendThrough(
  { agent, cameIn }: { readonly agent: Agent; readonly cameIn: (bytes: number) => void },
  request: OutboundRequest,
  signal: AbortSignal,
): Promise<OutboundResponse> {
  signal.throwIfAborted();
  const body = await request.body?.();
  if (!(body instanceof Readable)) return exchange(agent, request, body, signal, cameIn);
  // undici destroys a body it gave up on; nobody else listens for the error that comes of it.
  body.on("error", () => {});
  const length = Number(request.headers?.["content-length"] ?? Number.NaN);
  const sent = length <= WHOLE_BYTES ? await whole(body, request, signal) : body;
  return exchange(agent, request, sent, signal, cameIn);
}

/** A body in one piece. Fails as the request would that it is for. */
async function whole(body: Readable, { operation }: OutboundRequest, signal: AbortSignal): Promise<Buffer> {
  const abort = (): void => void body.destroy(asError(signal.reason));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await gather(body);
  } catch (error) {
    throw toTransportError(error, operation, signal);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
