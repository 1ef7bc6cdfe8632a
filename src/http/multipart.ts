import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { TransientError } from "../errors.ts";
import { pullStream } from "./pull-stream.ts";

export type MultipartContent = {
  readonly fields: Readonly<Record<string, string>>;
  readonly file: {
    /** Name of the form field. */
    readonly field: string;
    /** File name as people see it. */
    readonly name: string;
    readonly mimeType: string;
    /** Bytes; when known, the body has a length and is checked against it. */
    readonly size?: number | undefined;
    readonly body: Readable;
  };
  /** Separates the parts; must not occur in them. Random by default. */
  readonly boundary?: string;
};

/**
 * A `multipart/form-data` body (RFC 7578) that streams its one file: fields first, then the file, piece by piece.
 *
 * The body fails with TransientError `download_changed` when the file turns out longer or shorter than `size`.
 * The file's stream is destroyed with it.
 */
export function multipartBody(content: MultipartContent): { headers: Record<string, string>; body: Readable } {
  const { fields, file, boundary = `relay-${randomUUID()}` } = content;
  const head = Buffer.from(`${formFields(fields, boundary)}${filePartHead(file, boundary)}`, "utf8");
  const foot = Buffer.from(`\r\n--${boundary}--\r\n`, "utf8");
  const headers: Record<string, string> = { "content-type": `multipart/form-data; boundary=${boundary}` };
  if (file.size !== undefined) headers["content-length"] = String(head.length + file.size + foot.length);
  const pieces = frame(head, exactly(file.body, file.size), foot);
  // The source's failure reaches the reader through the iterator; this only keeps it from being unhandled.
  file.body.on("error", () => {});
  const body = pullStream(
    async () => (await pieces.next()).value ?? undefined,
    () => file.body.destroy(),
  );
  return { headers, body };
}

async function* frame(
  head: Buffer,
  file: AsyncIterable<Uint8Array>,
  foot: Buffer,
): AsyncGenerator<Uint8Array, undefined> {
  yield head;
  yield* file;
  yield foot;
}

/**
 * Passes bytes on and counts them.
 * @throws {TransientError} `download_changed` as soon as there are more than `size`, or at the end when there are fewer
 */
export async function* exactly(source: Readable, size: number | undefined): AsyncGenerator<Uint8Array, undefined> {
  let bytes = 0;
  for await (const piece of source as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (size !== undefined && bytes > size) throw changed(`more than the ${size} bytes announced`);
    if (piece.length > 0) yield piece;
  }
  if (size !== undefined && bytes < size) throw changed(`${bytes} bytes, ${size} were announced`);
}

const changed = (found: string): TransientError =>
  new TransientError("download_changed", `the content to send had ${found}`);

function formFields(fields: Readonly<Record<string, string>>, boundary: string): string {
  return Object.entries(fields)
    .map(([name, value]) => `--${boundary}\r\ncontent-disposition: form-data; name=${quoted(name)}\r\n\r\n${value}\r\n`)
    .join("");
}

function filePartHead(file: MultipartContent["file"], boundary: string): string {
  return (
    `--${boundary}\r\ncontent-disposition: form-data; name=${quoted(file.field)}; filename=${quoted(file.name)}\r\n` +
    `content-type: ${file.mimeType.replace(/[\r\n]/g, "")}\r\n\r\n`
  );
}

/**
 * A quoted string with its escapes; other characters go as UTF-8, since RFC 7578 forbids the `filename*` form.
 * Line ends, which no quoting could carry, are percent-encoded as browsers do.
 */
const quoted = (text: string): string =>
  `"${text.replace(/["\\]/g, "\\$&").replace(/\r/g, "%0D").replace(/\n/g, "%0A")}"`;
