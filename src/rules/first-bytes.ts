import { fileTypeFromBuffer, supportedMimeTypes } from "file-type";

/** Bytes from the beginning of a file that are looked at: what file-type asks for at most. */
export const HEAD_BYTES = 4_100;

/** What the first bytes of a file say of its format. */
export type FirstBytes =
  | { readonly kind: "format"; readonly mimeType: string; readonly extension: string }
  /** Readable, and of no format that begins in a way of its own: plain text, CSV, Markdown, JSON, source code. */
  | { readonly kind: "text" }
  | { readonly kind: "unknown" };

/** @param head the first `HEAD_BYTES` of a file, or all of it */
export async function readFirstBytes(head: Uint8Array): Promise<FirstBytes> {
  // A format that is cut off in the middle of what tells it is an unknown one.
  const found = await fileTypeFromBuffer(head).catch(() => undefined);
  if (found) return { kind: "format", mimeType: found.mime, extension: found.ext };
  return { kind: head.byteLength > 0 && isText(head) ? "text" : "unknown" };
}

/** Whether files of this type would have been known by their first bytes. */
export const showsInFirstBytes = (mimeType: string): boolean => supportedMimeTypes.has(mimeType);

/** UTF-16 has zeros in it, and a mark at its beginning. */
const isText = (head: Uint8Array): boolean =>
  (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff) || !head.some(isControl);

/** Control characters, apart from tab, line ends, form feed and escape. In whatever encoding, text has no others. */
const isControl = (byte: number): boolean => byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d) && byte !== 0x1b;
