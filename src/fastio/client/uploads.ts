import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import type { Clock } from "../../clock.ts";
import { PermanentError, TransientError } from "../../errors.ts";
import type { Fastio, FastioNode, UploadState, UploadTarget } from "../types.ts";
import type { Api } from "./api.ts";
import { chooseChunkBytes, HELD_CHUNK_BYTES } from "./chunk-size.ts";
import { type ChunkSource, createChunkSource } from "./chunk-source.ts";
import { type Dialect, isRouteMissing, type Speak } from "./dialect.ts";
import { findNewNodeId, findNode, readUploadId, readUploadState } from "./readers.ts";
import { common, guide, type NewUpload, reference, uploadFields } from "./routes.ts";
import { formPayload, heldPart, type Part, passingPart, rawPayload, streamOf } from "./upload-bodies.ts";

export type UploadDeps = {
  readonly api: Api;
  readonly speak: Speak;
  readonly clock: Clock;
  readonly readNode: Fastio["readNode"];
};

type Uploads = Pick<Fastio, "uploadUnplaced" | "readUpload" | "placeUpload" | "upload">;
type Session = { readonly id: string; readonly dialect: Dialect };

/** Up to here the reference takes a file in one call; the guide says "under 4 MB". */
const WHOLE_BYTES: Readonly<Record<Dialect, number>> = { reference: 4 * 1024 * 1024, guide: 3_999_999 };
/** Content of unknown size is read this far before deciding how to send it. */
const PROBE_BYTES = 4 * 1024 * 1024;
/** How long the server may take to put chunks together and store them. */
const ASSEMBLY_LIMIT_MS = 10 * 60_000;
/** Seconds one look at a session may be held; the service allows 60. */
const HOLD_SECONDS = 10;
/** Milliseconds for giving back a session nobody will finish. */
const CANCEL_LIMIT_MS = 5_000;
const UNKNOWN_TYPE = "application/octet-stream";

/** Upload sessions of both dialects. */
export function createUploads({ api, speak, clock, readNode }: UploadDeps): Uploads {
  const openSession = (upload: NewUpload, signal: AbortSignal): Promise<Session> =>
    speak<Session>("upload.open", {
      reference: async () => {
        const call = reference.openUpload(upload);
        return { dialect: "reference", id: readUploadId(await api.call(call, signal), call.operation) };
      },
      guide: async () => {
        const call = guide.openUpload(upload);
        if (upload.size === undefined) {
          throw new PermanentError(
            "unsupported_here",
            `${call.operation}: this server takes no content of unknown size`,
          );
        }
        return { dialect: "guide", id: readUploadId(await api.call(call, signal), call.operation) };
      },
    });

  const sendPart = async (session: Session, index: number, part: Part, signal: AbortSignal): Promise<void> => {
    const file = { field: "chunk", name: "chunk.bin", mimeType: UNKNOWN_TYPE, boundary: `relay-${randomUUID()}` };
    const call =
      session.dialect === "reference"
        ? reference.chunk(session.id, index, part.size, formPayload({}, file, part), part.repeatable)
        : guide.chunk(session.id, index, rawPayload(part), part.repeatable);
    await api.call(call, signal);
  };

  const sendChunks = async (
    session: Session,
    source: ChunkSource,
    size: number,
    signal: AbortSignal,
  ): Promise<void> => {
    const chunkBytes = Math.min(chooseChunkBytes(size), size);
    // One buffer for all chunks: a chunk is answered before the next is read.
    const buffer = chunkBytes <= HELD_CHUNK_BYTES ? Buffer.allocUnsafeSlow(chunkBytes) : undefined;
    for (let offset = 0, index = 0; offset < size; offset += chunkBytes, index += 1) {
      const bytes = Math.min(chunkBytes, size - offset);
      if (buffer === undefined) {
        await sendPart(session, index, passingPart(bytes, source.take(bytes)), signal);
        continue;
      }
      const filled = await source.fill(buffer.subarray(0, bytes));
      if (filled < bytes) throw changed(`${offset + filled} bytes, ${size} were announced`);
      await sendPart(session, index, heldPart(buffer.subarray(0, bytes)), signal);
    }
    if (!(await source.isSpent())) throw changed(`more than the ${size} bytes announced`);
  };

  /** A lost answer to `complete` is no loss: the session itself tells whether it was heard. */
  const complete = async (session: Session, signal: AbortSignal): Promise<void> => {
    if (session.dialect === "guide") return;
    try {
      await api.call(reference.complete(session.id), signal);
    } catch (error) {
      const phase = error instanceof TransientError ? (await look(session.id, 0, signal))?.phase : undefined;
      if (phase !== "working" && phase !== "done") throw error;
    }
  };

  const look = async (uploadId: string, holdSeconds: number, signal: AbortSignal): Promise<UploadState | undefined> => {
    const call = common.upload(uploadId, holdSeconds);
    try {
      return readUploadState(await api.call(call, signal), uploadId, call.operation);
    } catch (error) {
      if (error instanceof PermanentError && error.code === "not_found") return undefined;
      throw error;
    }
  };

  const waitUntil = async (
    uploadId: string,
    isEnough: (state: UploadState) => boolean,
    signal: AbortSignal,
  ): Promise<UploadState> => {
    const deadline = clock.now() + ASSEMBLY_LIMIT_MS;
    for (let round = 0; ; round += 1) {
      const state = await look(uploadId, round === 0 ? 0 : HOLD_SECONDS, signal);
      if (state === undefined || state.phase === "failed") {
        throw new TransientError("upload_failed", `upload session ended as ${state?.status ?? "unknown"}`, {
          operation: "fastio.upload.read",
        });
      }
      if (isEnough(state)) return state;
      if (clock.now() > deadline) {
        throw new TransientError("timed_out", `upload session still ${state.status}`, {
          operation: "fastio.upload.read",
        });
      }
      await clock.sleep(Math.min(2_000, 50 * 2 ** round), signal);
    }
  };

  /** A session nobody will finish counts against the account's limit. */
  const giveBack = async (session: Session, signal: AbortSignal): Promise<void> => {
    const limit = signal.aborted ? AbortSignal.timeout(CANCEL_LIMIT_MS) : signal;
    await api.call(common.cancelUpload(session.id), limit).catch(() => {});
  };

  /** Opens a session, lets `fill` bring the bytes, and leaves no session behind when that fails. */
  const inSession = async (
    upload: NewUpload,
    fill: (session: Session) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Session> => {
    const session = await openSession(upload, signal);
    try {
      await fill(session);
      return session;
    } catch (error) {
      await giveBack(session, signal);
      throw error;
    }
  };

  const sendKnown = (upload: NewUpload & { readonly size: number }, source: ChunkSource, signal: AbortSignal) =>
    inSession(
      upload,
      async (session) => {
        await sendChunks(session, source, upload.size, signal);
        await complete(session, signal);
      },
      signal,
    );

  const sendUnknown = async (upload: NewUpload, source: ChunkSource, signal: AbortSignal): Promise<Session> => {
    const probe = Buffer.allocUnsafeSlow(PROBE_BYTES);
    const head = probe.subarray(0, await source.fill(probe));
    if (await source.isSpent()) {
      return inSession(
        { ...upload, size: head.length },
        async (session) => {
          if (head.length > 0) await sendPart(session, 0, heldPart(head), signal);
          await complete(session, signal);
        },
        signal,
      );
    }
    const all = async function* (): AsyncGenerator<Buffer, undefined> {
      yield head;
      yield* source.take(Number.POSITIVE_INFINITY);
    };
    const headers = { "content-type": UNKNOWN_TYPE };
    return inSession(
      upload,
      async (session) => {
        await api.call(reference.stream(session.id, { headers, make: () => streamOf(all()) }), signal);
      },
      signal,
    );
  };

  /** The file as Fast.io tells it; a server that cannot tell gets the benefit of what we know. */
  const describe = async (target: UploadTarget, name: string, id: string, signal: AbortSignal): Promise<FastioNode> => {
    try {
      return await readNode(target.workspaceId, id, signal);
    } catch (error) {
      if (!isRouteMissing(error)) throw error;
      return { id, kind: "file", name, parentId: target.parentId, deleted: false };
    }
  };

  const nodeOf = async (
    target: UploadTarget,
    name: string,
    uploadId: string,
    signal: AbortSignal,
  ): Promise<FastioNode> => {
    const state = await waitUntil(uploadId, (one) => one.nodeId !== undefined, signal);
    return describe(target, name, state.nodeId ?? "", signal);
  };

  const uploadWhole = (
    target: UploadTarget,
    upload: NewUpload & { readonly size: number },
    open: () => Readable,
    signal: AbortSignal,
  ): Promise<unknown> => {
    const file = { name: upload.name, mimeType: upload.mimeType, boundary: `relay-${randomUUID()}` };
    const part = { size: upload.size, open };
    return speak("upload.whole", {
      reference: () =>
        api.call(reference.uploadWhole(formPayload(uploadFields(upload), { ...file, field: "chunk" }, part)), signal),
      guide: () => api.call(guide.uploadWhole(target, formPayload({}, { ...file, field: "file" }, part)), signal),
    });
  };

  const placeUpload: Uploads["placeUpload"] = async (target, name, uploadId, signal) => {
    const payload = await speak("upload.place", {
      reference: () => api.call(reference.place(target, name, uploadId), signal),
      guide: () => api.call(guide.place(target, name, uploadId), signal),
    });
    const node = findNode(payload);
    if (node !== undefined) return node;
    const nodeId = findNewNodeId(payload);
    return nodeId === undefined ? nodeOf(target, name, uploadId, signal) : describe(target, name, nodeId, signal);
  };

  return {
    placeUpload,
    readUpload: (uploadId, signal) => look(uploadId, 0, signal),

    uploadUnplaced: async (content, signal) => {
      const source = createChunkSource(content.body);
      const { workspaceId, name, size, mimeType = UNKNOWN_TYPE } = content;
      const upload = { workspaceId, name, mimeType, target: undefined };
      try {
        const session =
          size === undefined
            ? await sendUnknown({ ...upload, size }, source, signal)
            : await sendKnown({ ...upload, size }, source, signal);
        // The guide puts a session together when it is placed, so there is nothing to wait for yet.
        if (session.dialect === "reference") await waitUntil(session.id, (state) => state.phase === "done", signal);
        return { uploadId: session.id, ...source.measure() };
      } finally {
        content.body.destroy();
      }
    },

    upload: async (target, content, signal) => {
      const { name, size, mimeType = UNKNOWN_TYPE } = content;
      const upload = { workspaceId: target.workspaceId, name, mimeType, size, target };
      // The smaller of the two limits, so that either dialect takes it.
      if (size <= WHOLE_BYTES.guide) {
        const payload = await uploadWhole(target, upload, content.body, signal);
        const nodeId = findNewNodeId(payload);
        if (nodeId !== undefined) return describe(target, name, nodeId, signal);
        return nodeOf(target, name, readUploadId(payload, "fastio.upload.whole"), signal);
      }
      const body = content.body();
      try {
        const session = await sendKnown(upload, createChunkSource(body), signal);
        return session.dialect === "reference"
          ? await nodeOf(target, name, session.id, signal)
          : await placeUpload(target, name, session.id, signal);
      } finally {
        body.destroy();
      }
    },
  };
}

const changed = (found: string): TransientError =>
  new TransientError("download_changed", `the content to upload had ${found}`, { operation: "fastio.upload.chunk" });
