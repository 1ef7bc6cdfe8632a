import { addAbortSignal } from "node:stream";
import { PermanentError, TransientError } from "../../errors.ts";
import type { FastioUploads, ReopenableContent, UploadProgress } from "../ports/uploads.ts";
import type { Api } from "./api.ts";
import { chooseChunkBytes, FITS_ANY_PLAN_BYTES, HELD_CHUNK_BYTES } from "./chunk-size.ts";
import { createChunkSource } from "./chunk-source.ts";
import type { Speak } from "./dialect.ts";
import { lanesOf, runLanes } from "./lanes.ts";
import { readChunkMap } from "./readers/uploads.ts";
import { reference, session as routes } from "./routes/uploads.ts";
import type { ChunkSender } from "./send-chunks.ts";
import { heldPart, type Part, reopenedPart } from "./upload-bodies.ts";
import type { Session, Sessions } from "./upload-sessions.ts";

type Chunk = { readonly index: number; readonly from: number; readonly to: number };

/** What is to be sent, what is there, and what is there but wrong. */
export type ResumePlan = {
  readonly missing: readonly Chunk[];
  /** Numbers, as the server counts, of chunks that do not fit and must go first. */
  readonly misfits: readonly number[];
  readonly presentBytes: number;
};

/**
 * Reads from the server's chunk map how the file was cut, and what is left of it.
 *
 * @param has chunk number to bytes
 * @param first the number of the first chunk
 * @param usualBytes how we would cut it, should the map not tell
 */
export function planResume(
  size: number,
  has: ReadonlyMap<number, number>,
  first: number,
  usualBytes: number,
): ResumePlan {
  const chunkBytes = findChunkBytes(size, has, first) ?? usualBytes;
  const count = Math.max(1, Math.ceil(size / chunkBytes));
  const bounds = (index: number): Chunk => ({
    index,
    from: index * chunkBytes,
    to: Math.min(size, (index + 1) * chunkBytes),
  });
  const all = Array.from({ length: count }, (_, index) => bounds(index));
  const fits = ({ index, from, to }: Chunk): boolean => has.get(index + first) === to - from;
  const present = new Set(all.filter(fits).map(({ index }) => index + first));
  return {
    missing: size === 0 ? [] : all.filter((chunk) => !fits(chunk)),
    misfits: [...has.keys()].filter((order) => !present.has(order)),
    presentBytes: all.filter(fits).reduce((sum, { from, to }) => sum + to - from, 0),
  };
}

/** All chunks but the last are of one size: the commonest, unless only the last one is there. */
function findChunkBytes(size: number, has: ReadonlyMap<number, number>, first: number): number | undefined {
  const counts = new Map<number, number>();
  for (const [order, bytes] of has) {
    // A chunk that would end the file may be the short one.
    const couldBeLast = order > first && (size - bytes) % (order - first) === 0 && has.size === 1;
    if (couldBeLast && (size - bytes) / (order - first) >= bytes) return (size - bytes) / (order - first);
    if (bytes > 0) counts.set(bytes, (counts.get(bytes) ?? 0) + 1);
  }
  return [...counts].sort(([bytesA, a], [bytesB, b]) => b - a || bytesB - bytesA)[0]?.[0];
}

/** Finishes sessions that somebody began, perhaps another process. */
export function createResume(deps: {
  readonly api: Api;
  readonly speak: Speak;
  readonly sessions: Sessions;
  readonly sender: ChunkSender;
}): Pick<FastioUploads, "fillUpload"> {
  const { api, sessions, sender } = deps;

  const readSession = (uploadId: string, signal: AbortSignal) =>
    deps.speak<{ session: Session; has: ReadonlyMap<number, number> }>("upload.chunks", {
      reference: async () => ({
        session: { id: uploadId, dialect: "reference" },
        has: readChunkMap(await api.call(reference.chunks(uploadId), signal)),
      }),
      guide: async () => ({
        session: { id: uploadId, dialect: "guide" },
        has: readChunkMap(await api.call(routes.read(uploadId, 0), signal)),
      }),
    });

  const sendMissing = async (
    session: Session,
    missing: readonly Chunk[],
    first: number,
    content: ReopenableContent,
    tell: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<void> => {
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const waiting = [...missing];
    const largest = Math.max(1, ...missing.map(({ from, to }) => to - from));
    // Only what is held can be hashed before it is sent. The guide takes no hashes, and large chunks pass through:
    // those are read again from their source when they have to be sent again.
    const held = session.dialect === "reference" && largest <= HELD_CHUNK_BYTES;
    const lane = async (): Promise<void> => {
      for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
        const { index, from, to } = chunk;
        either.throwIfAborted();
        const part = held
          ? await holdChunk(content, chunk, either)
          : reopenedPart(to - from, () => content.open(from, to));
        // The reference counts from 1 whatever we count from.
        const number = session.dialect === "reference" ? index : index + first;
        await sender.sendPart(session, number, part, either);
        tell(to - from);
      }
    };
    const lanes = Math.min(lanesOf(session, held ? largest : 0), missing.length);
    await runLanes(lanes, lane, failed, signal);
  };

  return {
    fillUpload: async (uploadId, content, { onProgress }, signal) => {
      const state = await sessions.look(uploadId, 0, signal);
      if (state === undefined) throw lost("the upload session is gone");
      if (state.phase === "failed") throw lost(`the upload session ended as ${state.status}`);
      let sentBytes = 0;
      if (state.phase === "open") {
        const { session, has } = await readSession(uploadId, signal);
        // The guide does not say where its counting begins; what is there does.
        const first = session.dialect === "reference" ? 1 : Math.min(1, ...(has.size > 0 ? has.keys() : [0]));
        const allowed = content.size > FITS_ANY_PLAN_BYTES ? await sessions.limits(signal) : {};
        const plan = planResume(content.size, has, first, chooseChunkBytes(content.size, allowed));
        if (plan.misfits.length > 0 && session.dialect === "guide")
          throw lost("the upload session holds chunks of another content");
        for (const order of plan.misfits) await api.call(reference.removeChunk(uploadId, order), signal);
        const progress = (): UploadProgress => ({
          sentBytes: plan.presentBytes + sentBytes,
          totalBytes: content.size,
        });
        onProgress?.(progress());
        const tell = (bytes: number): void => {
          sentBytes += bytes;
          onProgress?.(progress());
        };
        await sendMissing(session, plan.missing, first, content, tell, signal);
        await sessions.complete(session, signal);
        // Only its placing sets a session of the guide going.
        if (session.dialect === "guide") {
          const now = await sessions.look(uploadId, 0, signal);
          return { sentBytes, state: now ?? state };
        }
      }
      return { sentBytes, state: await sessions.waitUntil(uploadId, (one) => one.phase === "done", signal) };
    },
  };
}

/** One chunk in memory, with its hash. */
async function holdChunk(content: ReopenableContent, { from, to }: Chunk, signal: AbortSignal): Promise<Part> {
  const bytes = Buffer.allocUnsafeSlow(to - from);
  const body = addAbortSignal(signal, await content.open(from, to));
  try {
    const source = createChunkSource(body);
    if ((await source.fill(bytes)) < bytes.length || !(await source.isSpent())) {
      throw new TransientError("download_changed", "the content to upload has another length than before", {
        operation: "fastio.upload.resume",
      });
    }
    return heldPart(bytes, source.measure().sha256);
  } finally {
    body.destroy();
  }
}

const lost = (what: string): PermanentError =>
  new PermanentError("upload_failed", `fastio.upload.resume: ${what}`, {
    operation: "fastio.upload.resume",
    nextAction: "Open another upload session and send the content anew.",
  });
