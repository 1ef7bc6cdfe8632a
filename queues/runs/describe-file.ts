import { createHash } from "node:crypto";
import type { Dify, DifyOutputFile } from "../../src/dify/types.ts";

export type Described = { readonly size: number; readonly sha256: string };

/** Reads an output file through for its length and hash. Nothing of it is kept, as befits a shadow run. */
export async function describeFile(
  openOutput: Dify["openOutput"],
  file: DifyOutputFile,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Described | "too_large"> {
  const { body } = await openOutput(file, signal);
  const hash = createHash("sha256");
  let size = 0;
  try {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      size += piece.byteLength;
      if (size > maxBytes) return "too_large";
      hash.update(piece);
    }
  } finally {
    body.destroy();
  }
  return { size, sha256: hash.digest("hex") };
}
