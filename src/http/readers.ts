import { finished } from "node:stream/promises";
import { PermanentError } from "../errors.ts";
import type { OutboundResponse } from "./types.ts";

export type ReadLimits = {
  /** More than this is refused with `too_large`, and the connection dropped. */
  readonly maxBytes: number;
};

/** Bodies up to this size are read to their end so that the connection can be used again. */
const WORTH_DRAINING_BYTES = 64 * 1024;

/** The whole body as UTF-8. @throws {PermanentError} `too_large` */
export async function readText(response: OutboundResponse, limits: ReadLimits): Promise<string> {
  const pieces = await readPieces(response, limits);
  // Most answers are one piece, which need not be copied to be read.
  return (pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces)).toString("utf8");
}

/** By its events: to iterate over a stream costs several times as much as all else that is done for a small answer. */
function readPieces(response: OutboundResponse, { maxBytes }: ReadLimits): Promise<readonly Buffer[]> {
  const { body } = response;
  return new Promise((resolve, reject) => {
    body.once("error", reject);
    const announced = Number(response.headers["content-length"] ?? 0);
    if (announced > maxBytes) body.destroy(tooLarge(response, maxBytes));
    const pieces: Buffer[] = [];
    let bytes = 0;
    const end = (): void => {
      if (body.readableEnded) resolve(pieces);
      else reject(body.errored ?? new Error("the answer was given up while it was read"));
    };
    if (body.destroyed) return end();
    body.on("data", (piece: Buffer) => {
      bytes += piece.length;
      pieces.push(piece);
      if (bytes > maxBytes) body.destroy(tooLarge(response, maxBytes));
    });
    body.once("end", end);
    body.once("close", end);
  });
}

/** The whole body as JSON, not yet checked. @throws {PermanentError} `too_large`, `answer_malformed` */
export async function readJson(response: OutboundResponse, limits: ReadLimits): Promise<unknown> {
  const text = await readText(response, limits);
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the payload, so it is not kept as a cause.
    throw new PermanentError("answer_malformed", "the answer is not JSON", { status: response.status });
  }
}

/** Gets rid of an answer nobody will read: drains it when it is small, else drops the connection. Never throws. */
export async function discard(response: OutboundResponse): Promise<void> {
  const announced = Number(response.headers["content-length"] ?? Number.NaN);
  if (!(announced <= WORTH_DRAINING_BYTES)) {
    response.body.destroy();
    return;
  }
  response.body.resume();
  await finished(response.body).catch(() => {});
}

const tooLarge = (response: OutboundResponse, maxBytes: number): PermanentError =>
  new PermanentError("too_large", `the answer is larger than ${maxBytes} bytes`, { status: response.status });
