import { Readable } from "node:stream";
import { exactly, multipartBody } from "../../http/multipart.ts";
import { pullStream } from "../../http/pull-stream.ts";
import type { Payload } from "./routes.ts";

/** Bytes of one chunk: in memory and repeatable, or passing through once. */
export type Part = { readonly size: number; readonly repeatable: boolean; readonly open: () => Readable };

/** Small enough that an encrypted copy on its way to the socket does not weigh. */
const SLICE_BYTES = 64 * 1024;

export const heldPart = (bytes: Buffer): Part => ({
  size: bytes.length,
  repeatable: true,
  open: () => Readable.from(slices(bytes)),
});

export const passingPart = (size: number, pieces: AsyncGenerator<Uint8Array, undefined>): Part => ({
  size,
  repeatable: false,
  open: () => streamOf(pieces),
});

/** A stream over pieces; their source is closed by whoever owns it. */
export const streamOf = (pieces: AsyncGenerator<Uint8Array, undefined>): Readable =>
  pullStream(
    async () => (await pieces.next()).value ?? undefined,
    () => {},
  );

/** A part as the one file of a form. Made anew, boundary and all the same, for each attempt. */
export function formPayload(
  fields: Readonly<Record<string, string>>,
  file: { readonly field: string; readonly name: string; readonly mimeType: string; readonly boundary: string },
  part: Pick<Part, "size" | "open">,
): Payload {
  const form = (body: Readable) =>
    multipartBody({ fields, file: { ...file, size: part.size, body }, boundary: file.boundary });
  return { headers: form(Readable.from([])).headers, make: () => form(part.open()).body };
}

/** A part as it is. */
export const rawPayload = (part: Part): Payload => ({
  headers: { "content-type": "application/octet-stream", "content-length": String(part.size) },
  make: () => streamOf(exactly(part.open(), part.size)),
});

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; from += SLICE_BYTES) yield bytes.subarray(from, from + SLICE_BYTES);
}
