import type { Readable } from "node:stream";

/** A body is made anew for each attempt, so that a retry never sends a spent stream. */
export type BodyFactory = () => string | Uint8Array | Readable | Promise<string | Uint8Array | Readable>;

/** One request to an upstream, as the endpoint functions describe it. */
export type OutboundRequest = {
  /** Stable dotted name, e.g. `fastio.share.create`; appears in errors, logs and metrics. */
  readonly operation: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyFactory;
  /** Whether sending it twice is harmless; only then may the client itself try again. */
  readonly repeatable: boolean;
  /** A 429 means that nothing was done, and the body can be made anew: it may be sent again then, repeatable or not. */
  readonly undoneBy429?: boolean;
  /** Milliseconds until the response head must be here. */
  readonly headersTimeoutMs?: number;
  /** Milliseconds of silence allowed between two pieces of the body; 0 switches the limit off. */
  readonly bodyTimeoutMs?: number;
};

/** The head of an answer and its body as a stream. Whoever gets it reads it to the end or destroys it. */
export type OutboundResponse = {
  readonly status: number;
  /** Names in lower case; repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
};

/** One attempt at one request. Layers are functions from Send to Send. */
export type Send = (request: OutboundRequest, signal: AbortSignal) => Promise<OutboundResponse>;
