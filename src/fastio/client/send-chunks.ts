import { createHash, randomUUID } from "node:crypto";
import { TransientError } from "../../errors.ts";
import type { UploadProgress } from "../ports/uploads.ts";
import type { Api } from "./api.ts";
import { HELD_BYTES, HELD_CHUNK_BYTES, MOST_PARALLEL } from "./chunk-size.ts";
import type { ChunkSource } from "./chunk-source.ts";
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
      let sentBytes = 0;
      const sent = (bytes: number): void => {
        sentBytes += bytes;
        onProgress?.({ sentBytes, totalBytes: size });
      };

      if (usual > HELD_CHUNK_BYTES) {
        for (let offset = 0, index = 0; offset < size; offset += usual, index += 1) {
          const bytes = Math.min(usual, size - offset);
          await sendPart(session, index, passingPart(bytes, source.take(bytes)), signal);
          sent(bytes);
        }
      } else {
        await sendHeld(usual, sent);
      }
      if (!(await source.isSpent())) throw changed(`more than the ${size} bytes announced`);

      /** Each lane has one buffer for all its chunks; the source is read by one lane at a time. */
      async function sendHeld(bytesEach: number, tell: (bytes: number) => void): Promise<void> {
        // The guide wants its chunks one after another.
        const most = session.dialect === "guide" ? 1 : Math.min(MOST_PARALLEL, Math.floor(HELD_BYTES / bytesEach));
        const lanes = Math.max(1, Math.min(most, Math.ceil(size / Math.max(1, bytesEach))));
        const failed = new AbortController();
        const either = AbortSignal.any([signal, failed.signal]);
        let offset = 0;
        let index = 0;
        let reading: Promise<unknown> = Promise.resolve();

        const readNext = async (buffer: Buffer): Promise<{ index: number; bytes: Buffer } | undefined> => {
          if (offset >= size || either.aborted) return undefined;
          const wanted = Math.min(bytesEach, size - offset);
          const filled = await source.fill(buffer.subarray(0, wanted));
          if (filled < wanted) throw changed(`${offset + filled} bytes, ${size} were announced`);
          const chunk = { index, bytes: buffer.subarray(0, wanted) };
          offset += wanted;
          index += 1;
          return chunk;
        };
        const lane = async (): Promise<void> => {
          const buffer = Buffer.allocUnsafeSlow(bytesEach);
          for (;;) {
            const turn = reading.then(() => readNext(buffer));
            reading = turn.catch(() => {});
            const chunk = await turn;
            if (chunk === undefined) return;
            await sendPart(session, chunk.index, heldPart(chunk.bytes, sha256Of(chunk.bytes)), either);
            tell(chunk.bytes.length);
          }
        };
        const running = Array.from({ length: size === 0 ? 0 : lanes }, () =>
          lane().catch((error: unknown) => {
            failed.abort(error);
            throw error;
          }),
        );
        const ends = await Promise.allSettled(running);
        signal.throwIfAborted();
        // The first to fail stopped the others, whose errors only say so.
        if (failed.signal.aborted) throw failed.signal.reason;
        for (const end of ends) if (end.status === "rejected") throw end.reason;
      }
    },
  };
}

const sha256Of = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

const changed = (found: string): TransientError =>
  new TransientError("download_changed", `the content to upload had ${found}`, { operation: "fastio.upload.chunk" });
