import { randomUUID } from "node:crypto";
import { TransientError } from "../../errors.ts";
import type { UploadProgress } from "../ports/uploads.ts";
import type { Api } from "./api.ts";
import { HELD_CHUNK_BYTES } from "./chunk-size.ts";
import type { ChunkSource } from "./chunk-source.ts";
import { lanesOf, runLanes } from "./lanes.ts";
import { guide, reference } from "./routes/uploads.ts";
import { formPayload, heldPart, type Part, passingPart, rawPayload } from "./upload-bodies.ts";
import type { Session } from "./upload-sessions.ts";

export type ChunkSender = {
  /** @param index from 0, in our counting */
  sendPart(session: Session, index: number, part: Part, signal: AbortSignal): Promise<void>;
  /** Sends all of a source, several chunks at once where the dialect allows it. */
  sendAll(
    session: Session,
    source: ChunkSource,
    plan: { readonly size: number; readonly chunkBytes: number },
    onProgress: ((progress: UploadProgress) => void) | undefined,
    signal: AbortSignal,
  ): Promise<void>;
};

const UNKNOWN_TYPE = "application/octet-stream";

/** Brings chunks to a session. What is held in memory is bounded, however large the file. */
export function createChunkSender({ api }: { readonly api: Api }): ChunkSender {
  const sendPart: ChunkSender["sendPart"] = async (session, index, part, signal) => {
    const file = { field: "chunk", name: "chunk.bin", mimeType: UNKNOWN_TYPE, boundary: `relay-${randomUUID()}` };
    const call =
      session.dialect === "reference"
        ? reference.chunk(
            session.id,
            { index, size: part.size, sha256: part.sha256 },
            formPayload({}, file, part),
            part.repeatable,
          )
        : guide.chunk(session.id, index, rawPayload(part), part.repeatable);
    await api.call(call, signal);
  };

  return {
    sendPart,

    sendAll: async (session, source, { size, chunkBytes }, onProgress, signal) => {
      const usual = Math.min(chunkBytes, size);
      const isHeld = usual <= HELD_CHUNK_BYTES;
      // Of those that pass through, one is read while others wait for their answers.
      const lanes = Math.min(lanesOf(session, isHeld ? usual : 0), Math.ceil(size / Math.max(1, usual)));
      const failed = new AbortController();
      const either = AbortSignal.any([signal, failed.signal]);
      let sentBytes = 0;
      let offset = 0;
      let index = 0;
      let reading: Promise<unknown> = Promise.resolve();

      /** The next chunk; the source is read by one lane at a time. */
      const next = async (buffer: Buffer | undefined): Promise<Chunk | undefined> => {
        if (offset >= size || either.aborted) return undefined;
        const bytes = Math.min(usual, size - offset);
        const chunk = buffer === undefined ? pass(source, bytes) : await hold(source, buffer.subarray(0, bytes), size);
        if (chunk.bytes < bytes) throw changed(`${offset + chunk.bytes} bytes, ${size} were announced`);
        offset += bytes;
        return { ...chunk, index: index++ };
      };
      /** Each lane has one buffer for all its chunks. */
      const lane = async (): Promise<void> => {
        const buffer = isHeld ? Buffer.allocUnsafeSlow(usual) : undefined;
        for (;;) {
          const turn = reading.then(() => next(buffer));
          reading = turn.then((chunk) => chunk?.read).catch(() => {});
          const chunk = await turn;
          if (chunk === undefined) return;
          try {
            await sendPart(session, chunk.index, chunk.part, either);
          } finally {
            chunk.close();
          }
          sentBytes += chunk.bytes;
          onProgress?.({ sentBytes, totalBytes: size });
        }
      };
      await runLanes(lanes, lane, failed, signal);
      if (!(await source.isSpent())) throw changed(`more than the ${size} bytes announced`);
    },
  };
}

/** A chunk that was cut from a source. */
type Chunk = {
  readonly index: number;
  readonly bytes: number;
  readonly part: Part;
  /** Nothing of it is left in the source, so that the next may be cut. */
  readonly read: Promise<unknown>;
  /** Nobody sends it any more. */
  readonly close: () => void;
};

/** A chunk in memory. The whole is hashed anyway; only a file of one chunk has that hash in time to send it along. */
async function hold(source: ChunkSource, buffer: Buffer, size: number): Promise<Omit<Chunk, "index">> {
  const bytes = await source.fill(buffer);
  const sha256 = bytes === size ? source.measure().sha256 : undefined;
  return { bytes, part: heldPart(buffer.subarray(0, bytes), sha256), read: Promise.resolve(), close: () => {} };
}

function pass(source: ChunkSource, bytes: number): Omit<Chunk, "index"> {
  const body = source.take(bytes);
  const read = new Promise((resolve) => body.once("close", resolve));
  return { bytes, part: passingPart(bytes, body), read, close: () => void body.destroy() };
}

const changed = (found: string): TransientError =>
  new TransientError("download_changed", `the content to upload had ${found}`, { operation: "fastio.upload.chunk" });
