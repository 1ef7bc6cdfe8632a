import errors from "undici/lib/core/errors.js";
import { type FailureDetail, RelayError, TransientError } from "../errors.ts";

export type TransportFailureCode = "connect_failed" | "connection_lost" | "timed_out";

/** The upstream gave no (whole) answer. */
export class TransportError extends TransientError {
  declare readonly code: TransportFailureCode;
  /** false: not one byte of the request left, so surely nothing was started. true: the upstream may have acted. */
  readonly sent: boolean;

  constructor(code: TransportFailureCode, message: string, detail: FailureDetail & { readonly sent: boolean }) {
    super(code, message, detail);
    this.sent = detail.sent;
  }
}

/** What our connector throws, so that failures before the first byte are told from later ones for certain. */
export class ConnectFailure extends Error {
  override readonly name = "ConnectFailure";
}

/** Node's and undici's names for a connection that broke under a request. */
const LOST = new Set([
  "ECONNRESET",
  "EPIPE",
  "ECONNABORTED",
  "ETIMEDOUT",
  "ENETRESET",
  "UND_ERR_SOCKET",
  "UND_ERR_INFO",
  "UND_ERR_CLOSED",
  "UND_ERR_DESTROYED",
]);
const TIMED_OUT = new Set(["UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT"]);

/** What undici says when the head of an answer takes too long, for who looks at the clock in its place. */
export const noHeadInTime = (): Error => new errors.HeadersTimeoutError();

/**
 * Gives a network failure its class. Failures of ours (a body that found its source changed) and bugs
 * pass through as they are; an abort becomes the signal's reason.
 */
export function toTransportError(error: unknown, operation: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof RelayError) return error;
  if (error instanceof ConnectFailure) {
    const why = codeOf(error.cause);
    return why === "UND_ERR_CONNECT_TIMEOUT"
      ? new TransportError("connect_failed", `${operation}: no connection in time`, {
          operation,
          cause: error.cause,
          sent: false,
        })
      : new TransportError("connect_failed", `${operation}: no connection (${why ?? "unknown reason"})`, {
          operation,
          cause: error.cause,
          sent: false,
        });
  }
  const code = codeOf(error);
  if (code === undefined) return error;
  if (TIMED_OUT.has(code)) {
    const what = code === "UND_ERR_BODY_TIMEOUT" ? "the answer fell silent" : "no answer in time";
    return new TransportError("timed_out", `${operation}: ${what}`, { operation, cause: error, sent: true });
  }
  // HPE_…: the parser met something that is not HTTP, which is what a dying proxy sends.
  if (LOST.has(code) || code.startsWith("HPE_")) {
    return new TransportError("connection_lost", `${operation}: connection lost (${code})`, {
      operation,
      cause: error,
      sent: true,
    });
  }
  return error;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  // undici gives its parser's errors a code only sometimes.
  if (error instanceof errors.HTTPParserError) return "HPE_INVALID";
  // Several addresses tried in parallel: Node gathers their failures.
  return error instanceof AggregateError ? codeOf(error.errors[0]) : undefined;
}
