const MIB = 1024 * 1024;

/** Chunks below this are not worth their round trip. */
const USUAL_BYTES = 4 * MIB;
/** Chunks per session on the smallest plan; larger plans take more. */
const FEWEST_CHUNKS_ALLOWED = 35;
/** The service refuses chunks over 100 MB. */
const LARGEST_BYTES = 95 * MIB;
/** Chunks up to this are held in memory, so that one can be sent again; larger ones pass through. */
export const HELD_CHUNK_BYTES = 16 * MIB;
/** What all held chunks of one upload may come to. */
export const HELD_BYTES = 32 * MIB;
/** Chunks of one session the service takes at once. */
export const MOST_PARALLEL = 3;

/** Files up to this fit any plan in usual chunks, so nobody need be asked what the plan allows. */
export const FITS_ANY_PLAN_BYTES = USUAL_BYTES * FEWEST_CHUNKS_ALLOWED;

/**
 * Size of all chunks but the last, in bytes: small for small files, growing so that a session stays within the
 * number of chunks the plan allows.
 *
 * @param allowed what the plan allows, where known; else what every plan does
 */
export function chooseChunkBytes(
  fileBytes: number,
  allowed: { readonly chunks?: number; readonly chunkBytes?: number } = {},
): number {
  const most = Math.max(1, allowed.chunks ?? FEWEST_CHUNKS_ALLOWED);
  const needed = Math.ceil(fileBytes / most / MIB) * MIB;
  return Math.min(LARGEST_BYTES, allowed.chunkBytes ?? LARGEST_BYTES, Math.max(USUAL_BYTES, needed));
}
