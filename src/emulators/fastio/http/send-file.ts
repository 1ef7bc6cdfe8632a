import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { BlobStore } from "../../kit/blob-store.ts";
import type { FileAnswer } from "./route.ts";

/** Header that names a download: a plain name for old readers, the real one by RFC 5987. */
export function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\]/g, "_");
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (one) => `%${one.charCodeAt(0).toString(16)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

type Range = { readonly start: number; readonly end: number };

/** One byte range of a `Range` header; undefined for none or several, `none` when it lies outside. */
function readRange(header: string | undefined, size: number): Range | "none" | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return undefined;
  const [, from = "", to = ""] = match;
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  return start > end || start >= size ? "none" : { start, end };
}

/** Streams a file from disk, whole or one range of it. */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  blobs: BlobStore,
  file: FileAnswer,
  headers: Readonly<Record<string, string>> = {},
): Promise<void> {
  const all = {
    ...headers,
    "content-type": file.mimetype,
    "content-disposition": attachment(file.name),
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
    etag: `"${file.tag}"`,
  };
  const range = readRange(request.headers.range, file.size);
  if (range === "none") {
    response.writeHead(416, { ...all, "content-range": `bytes */${file.size}`, "content-length": "0" }).end();
    return;
  }
  const length = range ? range.end - range.start + 1 : file.size;
  response.writeHead(range ? 206 : 200, {
    ...all,
    "content-length": String(length),
    ...(range ? { "content-range": `bytes ${range.start}-${range.end}/${file.size}` } : {}),
  });
  if (request.method === "HEAD" || length === 0) {
    response.end();
    return;
  }
  try {
    await pipeline(blobs.open(file.key, range), response);
  } catch (error) {
    // The reader went away in the middle, which is its right.
    if (!response.destroyed) throw error;
  }
}
