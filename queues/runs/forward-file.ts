import type { Dify, DifyOutputFile } from "../../src/dify/types.ts";
import { RelayError } from "../../src/errors.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import { watch } from "../../src/http/pass-on.ts";
import { addToTally } from "../../src/telemetry/tally.ts";

export type Sent = { readonly uploadId: string; readonly size: number; readonly sha256: string };

export type ForwardFileDeps = {
  readonly openOutput: Dify["openOutput"];
  readonly fastio: Pick<Fastio, "uploadUnplaced">;
};

/**
 * Streams one output file from Dify to Fast.io, as far as it is no larger than allowed.
 * What Dify says of its size is believed when it says too much, and counted when it says less.
 */
export async function forwardFile(
  { openOutput, fastio }: ForwardFileDeps,
  workspaceId: string,
  file: DifyOutputFile,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Sent | "too_large"> {
  let isTooLarge = (file.size ?? 0) > maxBytes;
  if (isTooLarge) return "too_large";

  const open = async () => {
    const { body, size } = await openOutput(file, signal);
    isTooLarge ||= (size ?? 0) > maxBytes;
    let bytes = 0;
    const look = (piece: Uint8Array): void => {
      bytes += piece.byteLength;
      isTooLarge ||= bytes > maxBytes;
      // The upload is given up, not ended: half a file is no file.
      if (isTooLarge) throw new Error("the output is larger than allowed");
    };
    watch(body, look);
    return { body, size };
  };
  const send = async (measured?: number): Promise<Sent | "too_large"> => {
    const { body, size = measured ?? file.size } = await open();
    try {
      if (isTooLarge) return "too_large";
      const sent = await fastio.uploadUnplaced(
        { workspaceId, name: file.name, mimeType: file.mimeType, body, ...(size === undefined ? {} : { size }) },
        signal,
      );
      addToTally({ bytesOut: sent.size });
      return sent;
    } finally {
      body.destroy();
    }
  };
  /** Reads the file once for its length alone; nothing of it is kept. */
  const measure = async (): Promise<number> => {
    const { body } = await open();
    let size = 0;
    try {
      for await (const piece of body as AsyncIterable<Uint8Array>) size += piece.byteLength;
    } finally {
      body.destroy();
    }
    return size;
  };

  try {
    return await send().catch(async (error: unknown) => {
      // Some servers want to know the size first, and Dify does not always tell it: reading the file tells.
      if (!(error instanceof RelayError) || error.code !== "size_unknown") throw error;
      return send(await measure());
    });
  } catch (error) {
    if (isTooLarge && !signal.aborted) return "too_large";
    throw error;
  }
}
