import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type { Clock } from "../../clock.ts";
import { PermanentError } from "../../errors.ts";
import { passOn } from "../../http/pass-on.ts";
import type { Log } from "../../telemetry/log.ts";
import type { FastioNode } from "../ports/nodes.ts";
import type { FastioStorage } from "../ports/storage.ts";
import type { FastioUploads, PlacedContent, UploadProgress, UploadTarget } from "../ports/uploads.ts";
import type { Api } from "./api.ts";
import { checkPlaced } from "./check-placed.ts";
import { chooseChunkBytes, FITS_ANY_PLAN_BYTES } from "./chunk-size.ts";
import { type ChunkSource, createChunkSource } from "./chunk-source.ts";
import { type Dialect, isRouteMissing, type Speak } from "./dialect.ts";
import { createImports } from "./imports.ts";
import { findNode } from "./readers/nodes.ts";
import { findNewNodeId, readUploadId } from "./readers/uploads.ts";
import { createResume } from "./resume-upload.ts";
import { placeOf } from "./routes/storage.ts";
import { guide, type NewUpload, reference, uploadFields } from "./routes/uploads.ts";
import { createChunkSender } from "./send-chunks.ts";
import { createBatch } from "./upload-batch.ts";
import { formPayload, heldPart } from "./upload-bodies.ts";
import { createSessions, EMPTY_UPLOAD, type Session } from "./upload-sessions.ts";

export type UploadDeps = {
  readonly api: Api;
  readonly speak: Speak;
  readonly clock: Clock;
  readonly log: Log;
  readonly readNode: FastioStorage["readNode"];
};

type Sized = NewUpload & { readonly size: number };
type OnProgress = ((progress: UploadProgress) => void) | undefined;

/** Up to here the reference takes a file in one call; the guide says "under 4 MB". */
const WHOLE_BYTES: Readonly<Record<Dialect, number>> = { reference: 4 * 1024 * 1024, guide: 3_999_999 };
/** Content of unknown size is read this far before deciding how to send it. */
const PROBE_BYTES = 4 * 1024 * 1024;
const UNKNOWN_TYPE = "application/octet-stream";

/** Uploads of both dialects. */
export function createUploads({ api, speak, clock, log, readNode }: UploadDeps): FastioUploads {
  const sessions = createSessions({ api, speak, clock, log });
  const sender = createChunkSender({ api });

  const sendKnown = async (upload: Sized, source: ChunkSource, onProgress: OnProgress, signal: AbortSignal) => {
    const allowed = upload.size > FITS_ANY_PLAN_BYTES ? await sessions.limits(signal) : {};
    checkSize(upload.size, allowed.fileBytes);
    const plan = { size: upload.size, chunkBytes: chooseChunkBytes(upload.size, allowed) };
    return sessions.during(
      upload,
      async (session) => {
        await sender.sendAll(session, source, plan, onProgress, signal);
        await sessions.complete(session, signal);
      },
      signal,
    );
  };

  const sendUnknown = async (
    upload: NewUpload,
    source: ChunkSource,
    onProgress: OnProgress,
    signal: AbortSignal,
  ): Promise<Session> => {
    const probe = Buffer.allocUnsafeSlow(PROBE_BYTES);
    const head = probe.subarray(0, await source.fill(probe));
    if (await source.isSpent()) {
      return sessions.during(
        { ...upload, size: head.length },
        async (session) => {
          if (head.length > 0) await sender.sendPart(session, 0, heldPart(head), signal);
          await sessions.complete(session, signal);
          onProgress?.({ sentBytes: head.length, totalBytes: head.length });
        },
        signal,
      );
    }
    let sentBytes = head.length;
    const look = (piece: Uint8Array): void => {
      sentBytes += piece.length;
      onProgress?.({ sentBytes });
    };
    const make = (): Readable => passOn(source.take(Number.POSITIVE_INFINITY), { head, look });
    const body = { headers: { "content-type": UNKNOWN_TYPE }, make, once: true };
    return sessions.during(
      upload,
      async (session) => {
        await api.call(reference.stream(session.id, body), signal);
      },
      signal,
    );
  };

  /** The file as Fast.io tells it; a server that cannot tell gets the benefit of what we know. */
  const describe = async (target: UploadTarget, name: string, id: string, signal: AbortSignal): Promise<FastioNode> => {
    try {
      return await readNode(placeOf(target), id, signal);
    } catch (error) {
      if (!isRouteMissing(error)) throw error;
      return { id, kind: "file", name, parentId: target.parentId, deleted: false };
    }
  };

  const nodeIdOf = async (uploadId: string, signal: AbortSignal): Promise<string> =>
    (await sessions.waitUntil(uploadId, (one) => one.nodeId !== undefined, signal)).nodeId ?? "";

  const uploadWhole = (
    target: UploadTarget,
    upload: Sized,
    open: () => Readable,
    signal: AbortSignal,
  ): Promise<unknown> => {
    const file = { name: upload.name, mimeType: upload.mimeType, boundary: `relay-${randomUUID()}` };
    const part = { size: upload.size, open };
    const send = () =>
      speak("upload.whole", {
        reference: () =>
          api.call(reference.whole(formPayload(uploadFields(upload), { ...file, field: "chunk" }, part)), signal),
        guide: () => api.call(guide.whole(target, formPayload({}, { ...file, field: "file" }, part)), signal),
      });
    return sessions.opening(send, signal);
  };

  const placeUpload: FastioUploads["placeUpload"] = async (target, name, { uploadId, sha256 }, signal) => {
    const told = (id: string) => describe(target, name, id, signal);
    if (uploadId === EMPTY_UPLOAD)
      return told((await upload(target, { name, size: 0, body: () => Readable.from([]) }, signal)).id);
    const payload = await speak("upload.place", {
      reference: () => api.call(reference.place(target, name, uploadId), signal),
      guide: () => api.call(guide.place(target, name, uploadId), signal),
    });
    const node = findNode(payload) ?? (await told(findNewNodeId(payload) ?? (await nodeIdOf(uploadId, signal))));
    return sha256 === undefined ? node : checkPlaced(node, sha256, () => told(node.id), clock, signal);
  };

  /** Content with a place to go to: a folder, or a file of that folder that gets a new version. */
  const put = async (
    target: UploadTarget,
    upload: Sized,
    content: PlacedContent,
    signal: AbortSignal,
  ): Promise<{ readonly id: string }> => {
    const { name, size } = upload;
    // The smaller of the two limits, so that either dialect takes it.
    if (size <= WHOLE_BYTES.guide) {
      const payload = await uploadWhole(target, upload, content.body, signal);
      content.onProgress?.({ sentBytes: size, totalBytes: size });
      const id = findNewNodeId(payload) ?? (await nodeIdOf(readUploadId(payload, "fastio.upload.whole"), signal));
      return { id };
    }
    const body = content.body();
    try {
      const source = createChunkSource(body);
      const session = await sendKnown(upload, source, content.onProgress, signal);
      return session.dialect === "reference"
        ? { id: await nodeIdOf(session.id, signal) }
        : await placeUpload(target, name, { uploadId: session.id, ...source.measure() }, signal);
    } finally {
      body.destroy();
    }
  };

  const upload: FastioUploads["upload"] = (target, content, signal) => {
    const { name, size, sha256, mimeType = UNKNOWN_TYPE } = content;
    const workspaceId = "shareId" in target ? "" : target.workspaceId;
    return put(target, { workspaceId, name, mimeType, size, sha256, target }, content, signal);
  };

  return {
    ...createBatch({ api, sessions, upload }),
    ...createResume({ api, speak, sessions, sender }),
    ...createImports({ api, clock }),
    placeUpload,
    readUpload: (uploadId, signal) => sessions.look(uploadId, 0, signal),
    cancelUpload: sessions.cancel,
    readUploadLimits: sessions.limits,

    uploadUnplaced: async (content, signal) => {
      const source = createChunkSource(content.body);
      const { workspaceId, name, size, sha256, mimeType = UNKNOWN_TYPE, onProgress } = content;
      const upload = { workspaceId, name, mimeType, sha256, target: undefined };
      try {
        const session =
          size === undefined
            ? await sendUnknown({ ...upload, size }, source, onProgress, signal)
            : await sendKnown({ ...upload, size }, source, onProgress, signal);
        // The guide puts a session together when it is placed, so there is nothing to wait for yet.
        if (session.dialect === "reference")
          await sessions.waitUntil(session.id, (state) => state.phase === "done", signal);
        return { uploadId: session.id, ...source.measure() };
      } finally {
        content.body.destroy();
      }
    },

    upload,

    uploadVersion: async ({ workspaceId, nodeId }, content, signal) => {
      const { size, sha256, mimeType = UNKNOWN_TYPE } = content;
      const file = await readNode(workspaceId, nodeId, signal);
      const target = { workspaceId, parentId: file.parentId };
      const upload = { workspaceId, mimeType, size, sha256 };
      const { id } = await speak("upload.version", {
        reference: () =>
          put(target, { ...upload, name: content.name, target: undefined, versionOf: nodeId }, content, signal),
        // The guide has no word for it, but the same name in the same folder is a new version.
        guide: () => put(target, { ...upload, name: file.name, target }, content, signal),
      });
      return describe(target, file.name, id, signal);
    },

    openUpload: async ({ workspaceId, target, name, size, sha256, mimeType = UNKNOWN_TYPE }, signal) => {
      const allowed = size > FITS_ANY_PLAN_BYTES ? await sessions.limits(signal) : {};
      checkSize(size, allowed.fileBytes);
      const session = await sessions.open({ workspaceId, name, mimeType, size, sha256, target }, signal);
      return { uploadId: session.id };
    },
  };
}

function checkSize(size: number, most: number | undefined): void {
  if (most === undefined || size <= most) return;
  throw new PermanentError("too_large", `the file has ${size} bytes, the plan allows ${most}`, {
    operation: "fastio.upload.open",
    nextAction: "Send a smaller file, or a plan that takes larger ones.",
  });
}
