import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { TransientError } from "../errors.ts";
import { passOn } from "./pass-on.ts";

export type MultipartHead = {
  readonly fields: Readonly<Record<string, string>>;
  readonly file: {
    /** Name of the form field. */
    readonly field: string;
    /** File name as people see it. */
    readonly name: string;
    readonly mimeType: string;
    /** Bytes; when known, the body has a length and is checked against it. */
    readonly size?: number | undefined;
  };
  /** Separates the parts; must not occur in them. Random by default. */
  readonly boundary?: string;
};

export type MultipartContent = MultipartHead & { readonly file: { readonly body: Readable } };

/**
 * A `multipart/form-data` body (RFC 7578) that streams its one file: fields first, then the file, piece by piece.
 *
 * The body fails with TransientError `download_changed` when the file turns out longer or shorter than `size`.
 * The file's stream is destroyed with it.
 */
export function multipartBody(content: MultipartContent): { headers: Record<string, string>; body: Readable } {
  const { headers, head, foot } = multipartFrame(content);
  return { headers, body: exactly(content.file.body, content.file.size, { head, foot }) };
}

/** What stands around the file of such a body. Without a boundary of its own it has a random one, which must not occur in the file. */
export function multipartFrame({ fields, file, boundary = `relay-${randomUUID()}` }: MultipartHead): {
  readonly headers: Record<string, string>;
  readonly head: Buffer;
  readonly foot: Buffer;
} {
  const head = Buffer.from(`${formFields(fields, boundary)}${filePartHead(file, boundary)}`, "utf8");
  const foot = Buffer.from(`\r\n--${boundary}--\r\n`, "utf8");
  const headers: Record<string, string> = { "content-type": `multipart/form-data; boundary=${boundary}` };
  if (file.size !== undefined) headers["content-length"] = String(head.length + file.size + foot.length);
  return { headers, head, foot };
}

/**
 * Passes bytes on and counts them. Fails with TransientError `download_changed` as soon as there are more than `size`, or
 * at the end when there are fewer.
 * @param around what is sent before and after them
 */
export function exactly(
  source: Readable,
  size: number | undefined,
  { head, foot }: { readonly head?: Uint8Array; readonly foot?: Uint8Array } = {},
): Readable {
  let bytes = 0;
  return passOn(source, {
    ...(head === undefined ? {} : { head }),
    look: (piece) => {
      bytes += piece.length;
      if (size !== undefined && bytes > size) throw changed(`more than the ${size} bytes announced`);
    },
    atEnd: () => {
      if (size !== undefined && bytes < size) throw changed(`${bytes} bytes, ${size} were announced`);
      return foot;
    },
  });
}

const changed = (found: string): TransientError =>
  new TransientError("download_changed", `the content to send had ${found}`);

function formFields(fields: Readonly<Record<string, string>>, boundary: string): string {
  return Object.entries(fields)
    .map(([name, value]) => `--${boundary}\r\ncontent-disposition: form-data; name=${quoted(name)}\r\n\r\n${value}\r\n`)
    .join("");
}

function filePartHead(file: MultipartHead["file"], boundary: string): string {
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
