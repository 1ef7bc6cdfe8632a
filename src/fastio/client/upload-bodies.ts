import { Readable } from "node:stream";
import { exactly, multipartFrame } from "../../http/multipart.ts";
import type { Payload } from "./routes/uploads.ts";

/** Bytes of one chunk: in memory and repeatable, or passing through once. */
export type Part = {
  readonly size: number;
  readonly repeatable: boolean;
  /** Hash of its bytes in hex, where they were all here to be hashed. */
  readonly sha256?: string | undefined;
  readonly open: () => Readable | Promise<Readable>;
};

/** Small enough that an encrypted copy on its way to the socket does not weigh. */
const SLICE_BYTES = 64 * 1024;

/** Bytes in memory, which may be sent as often as needed. @param sha256 in hex, when it is known already */
export const heldPart = (bytes: Buffer, sha256?: string): Part => ({
  size: bytes.length,
  repeatable: true,
  sha256,
  open: () => {
    let from = 0;
    return new Readable({
      read() {
        this.push(from < bytes.length ? bytes.subarray(from, from + SLICE_BYTES) : null);
        from += SLICE_BYTES;
      },
    });
  },
});

/**
 * Bytes that pass once: what fails with them cannot be sent again.
 * @param size in bytes, exactly as many as will come
 */
export const passingPart = (size: number, body: Readable): Part => ({
  size,
  repeatable: false,
  open: () => body,
});

/** Bytes of a source that can be opened again, so that the chunk can be sent again without being held. */
export const reopenedPart = (size: number, open: () => Readable | Promise<Readable>): Part => ({
  size,
  repeatable: true,
  open,
});

/** A part as the one file of a form. Made anew, boundary and all the same, for each attempt. */
export function formPayload(
  fields: Readonly<Record<string, string>>,
  file: { readonly field: string; readonly name: string; readonly mimeType: string; readonly boundary: string },
  part: Pick<Part, "size" | "open"> & { readonly repeatable?: boolean },
): Payload {
  const { size } = part;
  const { headers, head, foot } = multipartFrame({ fields, file: { ...file, size }, boundary: file.boundary });
  return {
    headers,
    make: async () => exactly(await part.open(), size, { head, foot }),
    once: part.repeatable === false,
  };
}

/** A part as it is. */
export const rawPayload = (part: Part): Payload => ({
  headers: { "content-type": "application/octet-stream", "content-length": String(part.size) },
  make: async () => exactly(await part.open(), part.size),
  once: !part.repeatable,
});
