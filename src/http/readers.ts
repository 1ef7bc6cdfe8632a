import { finished } from "node:stream/promises";
import { PermanentError } from "../errors.ts";
import type { OutboundResponse } from "./types.ts";

export type ReadLimits = {
  /** More than this is refused with `too_large`, and the connection dropped. */
  readonly maxBytes: number;
};

/** Bodies up to this size are read to their end so that the connection can be used again. */
const WORTH_DRAINING_BYTES = 64 * 1024;

/** The whole body. @throws {PermanentError} `too_large` */
export async function readBytes(response: OutboundResponse, { maxBytes }: ReadLimits): Promise<Buffer> {
  const announced = Number(response.headers["content-length"] ?? 0);
  if (announced > maxBytes) {
    response.body.destroy();
    throw tooLarge(response, maxBytes);
  }
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response.body as AsyncIterable<Buffer>) {
    bytes += piece.length;
    // Leaving the loop destroys the body.
    if (bytes > maxBytes) throw tooLarge(response, maxBytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, bytes);
}

/** The whole body as UTF-8. @throws {PermanentError} `too_large` */
export async function readText(response: OutboundResponse, limits: ReadLimits): Promise<string> {
  return (await readBytes(response, limits)).toString("utf8");
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
