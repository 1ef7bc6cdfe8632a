import type { IncomingMessage, Server, ServerOptions } from "node:http";
import type { Socket } from "node:net";

const MINUTE_MS = 60_000;

/** How the server speaks HTTP. Times are milliseconds. */
export const SERVER_OPTIONS = {
  /** Head of a request, from its first byte. */
  headersTimeout: 15_000,
  /** A whole request. The longest is an upload by a tool's call, which may take 15 minutes to arrive. */
  requestTimeout: 16 * MINUTE_MS,
  /** How often both are looked at. */
  connectionsCheckingInterval: 5_000,
  /** An idle connection; longer than the minute that proxies keep theirs, lest they ask on one that just ends. */
  keepAliveTimeout: 65_000,
  /** All names and values of a head together, in bytes; beyond that the answer is 431. */
  maxHeaderSize: 16_384,
  /** A request with both Content-Length and Transfer-Encoding, or broken lines, is none. */
  insecureHTTPParser: false,
  requireHostHeader: true,
} as const satisfies ServerOptions;

/** Connections at a time; further ones are closed at once. An idle one takes some 10 KB. */
const MAX_CONNECTIONS = 8_192;
/** Then the connection is closed after its answer, so that the requests of one client spread over receivers. */
const MAX_REQUESTS_A_CONNECTION = 10_000;
const MAX_HEADERS = 200;
/** Nothing moves on a connection that waits for an answer: longer than any answer takes. */
const SILENCE_MS = 20 * MINUTE_MS;
/** How long the body of a request may take to arrive, but for those of tools. */
const ARRIVAL_MS = 30_000;
const LOOK_EVERY_MS = 5_000;
const TIMED_OUT = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

export type ArrivalLimits = {
  /** Milliseconds for the body of a request. */
  readonly arrivalMs?: number;
  readonly lookEveryMs?: number;
};

/** Bounds what strangers can hold of the server: connections, and requests that never end. */
export function limitServer(
  server: Server,
  { arrivalMs = ARRIVAL_MS, lookEveryMs = LOOK_EVERY_MS }: ArrivalLimits = {},
): void {
  server.maxConnections = MAX_CONNECTIONS;
  server.maxRequestsPerSocket = MAX_REQUESTS_A_CONNECTION;
  server.maxHeadersCount = MAX_HEADERS;
  server.timeout = SILENCE_MS;

  /** The last request of each connection: only its body can still be on the way. */
  const latest = new Map<Socket, { readonly request: IncomingMessage; readonly beganMs: number }>();
  server.on("connection", (socket: Socket) => socket.once("close", () => latest.delete(socket)));
  server.prependListener("request", (request: IncomingMessage) => {
    if (mayTakeLong(request.url)) latest.delete(request.socket);
    else {
      latest.set(request.socket, { request, beganMs: performance.now() });
      timer ??= setTimeout(endLate, lookEveryMs).unref();
    }
  });
  let timer: NodeJS.Timeout | undefined;
  /** Looks again only while some are there: it would wake a process at rest. */
  const endLate = (): void => {
    const latestMs = performance.now() - arrivalMs;
    for (const [socket, { request, beganMs }] of latest) {
      if (!request.complete && beganMs > latestMs) continue;
      latest.delete(socket);
      if (request.complete) continue;
      if (socket.writable) socket.write(TIMED_OUT);
      socket.destroySoon();
    }
    timer = latest.size === 0 ? undefined : setTimeout(endLate, lookEveryMs).unref();
  };
  server.once("close", () => clearTimeout(timer));
}

/** Files by calls of tools, and nothing that dots or escapes make another path of. */
const mayTakeLong = (path = ""): boolean => /^\/tools\/[\w-]+(?:\?|$)/.test(path);
