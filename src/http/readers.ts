import type { Readable } from "node:stream";
import { PermanentError, TransientError } from "../errors.ts";
import { asError } from "./as-error.ts";
import { TransportError } from "./transport-error.ts";
import type { OutboundResponse } from "./types.ts";

export type ReadLimits = {
  /** More than this is refused with `too_large`, and the connection dropped. */
  readonly maxBytes: number;
  /** Milliseconds from its head until all of it is there. Default: two minutes. */
  readonly withinMs?: number;
};

/** Silence is cut off elsewhere; an answer that trickles is not silent, and would hold up its worker for days. */
const WHOLE_ANSWER_MS = 120_000;

/** Bodies up to this size are read to their end so that the connection can be used again. */
const WORTH_DRAINING_BYTES = 64 * 1024;
/** And for so long: another connection is made sooner. */
const WORTH_DRAINING_MS = 5_000;

/** The whole body as UTF-8. @throws {PermanentError} `too_large` @throws {TransportError} `timed_out` */
export async function readText(
  response: OutboundResponse,
  { maxBytes, withinMs = WHOLE_ANSWER_MS }: ReadLimits,
): Promise<string> {
  const announced = Number(response.headers["content-length"] ?? 0);
  if (announced > maxBytes) {
    response.body.destroy();
    throw tooLarge(response, maxBytes);
  }
  let bytes = 0;
  const late = setTimeout(() => response.body.destroy(tooLate(withinMs)), withinMs);
  try {
    const whole = await gather(response.body, (piece) => {
      bytes += piece.length;
      if (bytes > maxBytes) throw tooLarge(response, maxBytes);
    });
    return whole.toString("utf8");
  } finally {
    clearTimeout(late);
  }
}

/**
 * All of a stream, by its events: to iterate over it costs several times as much as all else that is done for a small
 * answer.
 * @param look sees each piece; what it throws is the failure, and the stream is destroyed
 */
export function gather(body: Readable, look: (piece: Buffer) => void = () => {}): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const end = (): void => {
      // Most are one piece, which need not be copied.
      const [only = Buffer.alloc(0)] = pieces;
      if (body.readableEnded) resolve(pieces.length > 1 ? Buffer.concat(pieces) : only);
      else reject(body.errored ?? new Error("the stream was closed before its end"));
    };
    if (body.destroyed) return end();
    body.on("data", (piece: Buffer) => {
      try {
        look(piece);
        pieces.push(piece);
      } catch (error) {
        body.destroy(asError(error));
      }
    });
    body.on("error", reject);
    body.once("end", end);
    body.once("close", end);
  });
}

/**
 * The whole body as JSON, not yet checked. What is none comes from something in between, such as a page for maintenance
 * with the status of a success: it passes.
 * @param about what was asked, and what a person is to do should it not pass
 * @throws {PermanentError} `too_large`
 * @throws {TransientError} `answer_malformed`
 */
export async function readJson(
  response: OutboundResponse,
  limits: ReadLimits,
  about: { readonly operation: string; readonly nextAction: string },
): Promise<unknown> {
  const text = await readText(response, limits);
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the payload, so it is not kept as a cause.
    const message = `${about.operation}: the answer is not JSON`;
    throw new TransientError("answer_malformed", message, { ...about, status: response.status });
  }
}

/** Gets rid of an answer nobody will read: drains it when it is small, else drops the connection. Never throws. */
export async function discard(response: OutboundResponse, withinMs = WORTH_DRAINING_MS): Promise<void> {
  const announced = Number(response.headers["content-length"] ?? Number.NaN);
  if (!(announced <= WORTH_DRAINING_BYTES)) {
    response.body.destroy();
    return;
  }
  await readText(response, { maxBytes: WORTH_DRAINING_BYTES, withinMs }).catch(() => {});
}

const tooLate = (ms: number): TransportError =>
  new TransportError("timed_out", `the answer was not whole after ${ms} ms`, { sent: true });

const tooLarge = (response: OutboundResponse, maxBytes: number): PermanentError =>
  new PermanentError("too_large", `the answer is larger than ${maxBytes} bytes`, { status: response.status });
