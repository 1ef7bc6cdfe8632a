import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { createPieceReader } from "../../http/piece-reader.ts";
import { pullStream } from "../../http/pull-stream.ts";

/** A stream of bytes cut to measure, counted and hashed on the way. */
export type ChunkSource = {
  /** Fills the buffer, or as much of it as there is. @returns bytes written */
  fill(buffer: Buffer): Promise<number>;
  /** The next `bytes` bytes, or as many as there are. Giving it up leaves the source as it is. */
  take(bytes: number): Readable;
  /** Whether nothing is left; may have to read on to know. */
  isSpent(): Promise<boolean>;
  /** What was read so far. */
  measure(): { readonly size: number; readonly sha256: string };
};

export function createChunkSource(body: Readable): ChunkSource {
  const pieces = createPieceReader(body);
  const hash = createHash("sha256");
  let size = 0;
  let pending: Buffer | undefined;

  /** The next piece that is not empty, at most `bytes` long; the rest of it waits. */
  const pull = async (bytes: number): Promise<Buffer | undefined> => {
    while (pending === undefined || pending.length === 0) {
      pending = await pieces.next();
      if (pending === undefined) return undefined;
      hash.update(pending);
      size += pending.length;
    }
    const piece = pending.subarray(0, bytes);
    pending = pending.subarray(piece.length);
    return piece;
  };

  return {
    fill: async (buffer) => {
      let filled = 0;
      while (filled < buffer.length) {
        const piece = await pull(buffer.length - filled);
        if (piece === undefined) break;
        piece.copy(buffer, filled);
        filled += piece.length;
      }
      return filled;
    },
    take: (bytes) => {
      let left = bytes;
      return pullStream(
        async () => {
          const piece = left > 0 ? await pull(left) : undefined;
          left -= piece?.length ?? 0;
          return piece;
        },
        () => {},
      );
    },
    isSpent: async () => (await pull(0)) === undefined,
    measure: () => ({ size, sha256: hash.copy().digest("hex") }),
  };
}
