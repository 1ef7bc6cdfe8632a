const MIB = 1024 * 1024;

/** Chunks below this are not worth their round trip. */
const USUAL_BYTES = 4 * MIB;
/** Chunks per session on the smallest plan; larger plans take more. */
const FEWEST_CHUNKS_ALLOWED = 35;
/** The service refuses chunks over 100 MB. */
const LARGEST_BYTES = 95 * MIB;
/** Chunks up to this are held in memory, so that one can be sent again; larger ones pass through. */
export const HELD_CHUNK_BYTES = 16 * MIB;

/**
 * Size of all chunks but the last, in bytes: small for small files, growing so that a session stays within the
 * number of chunks every plan allows.
 */
export function chooseChunkBytes(fileBytes: number): number {
  const needed = Math.ceil(fileBytes / FEWEST_CHUNKS_ALLOWED / MIB) * MIB;
  return Math.min(LARGEST_BYTES, Math.max(USUAL_BYTES, needed));
}
