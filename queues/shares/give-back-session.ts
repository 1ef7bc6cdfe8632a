import type { Fastio } from "../../src/fastio/types.ts";
import type { OutputRow } from "../../src/ledger/schema.ts";

/**
 * Ends the upload session of an output that is placed, or never will be: it would stand as it is, and an account may have
 * so many of them. One that cannot be given back is no reason to deliver nothing.
 */
export async function giveBackSession(
  fastio: Pick<Fastio, "cancelUpload">,
  { uploadId }: Pick<OutputRow, "uploadId">,
  signal: AbortSignal,
): Promise<void> {
  if (uploadId !== null) await fastio.cancelUpload(uploadId, signal).catch(() => {});
}
