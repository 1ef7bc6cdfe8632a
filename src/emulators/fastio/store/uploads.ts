import type { BlobStore } from "../../kit/blob-store.ts";
import type { ScaledTime } from "../../kit/time.ts";
import type { FastioKnobs } from "../knobs.ts";
import { ApiRefusal, conflict, invalidField, notAcceptable, notFound, sizesDiffer } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";
import type { Activity } from "./activity.ts";
import { type Content, currentVersion, type Drive, type Node } from "./node.ts";
import type { NodeStore } from "./nodes.ts";

/** Where a finished upload goes: a folder, or an existing file that gets a new version. */
export type UploadTarget =
  | { readonly kind: "folder"; readonly drive: Drive; readonly folder: string; readonly name?: string | undefined }
  | {
      readonly kind: "version";
      readonly drive: Drive;
      readonly node: string;
      /** Stored only while this is the current version. */
      readonly ifVersionId?: string | undefined;
      /** The link it came through. */
      readonly fileShareId?: string;
    };

export type UploadStatus =
  | "ready"
  | "uploading"
  | "assembling"
  | "complete"
  | "storing"
  | "stored"
  | "assembly_failed"
  | "store_failed";

export type Upload = {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
  /** Declared bytes; undefined for a stream. */
  readonly size: number | undefined;
  /** `sequential` is the guide dialect's session: raw bytes in order, ends by itself. */
  readonly mode: "single" | "chunked" | "sequential" | "stream";
  readonly maxSize: number | undefined;
  readonly hash: ContentHash | undefined;
  /** CRC-32C of the whole, as the last chunk declared it. */
  fileCrc32c: string | undefined;
  target: UploadTarget | undefined;
  status: UploadStatus;
  message: string | undefined;
  readonly chunks: Map<number, Content>;
  content: Content | undefined;
  nodeId: string | undefined;
  /** Ids of the nodes made of it. */
  readonly placedAs: string[];
};

export type ContentHash = { readonly algorithm: string; readonly value: string };
export const HASH_ALGORITHMS = ["md5", "sha1", "sha256", "sha384"] as const;
/** Chunks may be checked by a sum that names no content. */
export const CHUNK_ALGORITHMS = [...HASH_ALGORITHMS, "crc32c"] as const;

export type UploadStore = {
  create(wish: {
    readonly userId: string;
    readonly name: string;
    readonly mode: Upload["mode"];
    readonly size?: number | undefined;
    readonly maxSize?: number | undefined;
    readonly hash?: ContentHash | undefined;
    readonly target?: UploadTarget | undefined;
  }): Upload;
  /** @throws {ApiRefusal} 404, also for sessions of other users */
  find(userId: string, id: string): Upload;
  list(userId: string): readonly Upload[];
  all(): readonly Upload[];
  /**
   * False for a repeat of a chunk that is there already, whose bytes are then not needed.
   * @throws {ApiRefusal} when the session is in no state for chunks or the sizes do not fit
   */
  addChunk(upload: Upload, order: number, content: Content): boolean;
  removeChunk(upload: Upload, order: number): Promise<void>;
  /** What the whole has to come to. @throws {ApiRefusal} when something else was declared before */
  declareCrc32c(upload: Upload, crc: string): void;
  /** Checks sizes and the declared sum, and starts assembly, which goes on by itself. */
  complete(upload: Upload): Promise<void>;
  /** Takes the whole content at once. Stores it before returning when `now` is set. */
  finishWith(upload: Upload, content: Content, options?: { readonly now?: boolean }): Promise<void>;
  /** Makes a file of a session whose bytes are assembled; may be repeated. */
  place(upload: Upload, target: UploadTarget, name: string, userId: string): Node;
  /** Resolves when the status changes or the wait is over. */
  waitForChange(upload: Upload, waitMs: number, signal: AbortSignal): Promise<void>;
  remove(upload: Upload): Promise<void>;
};

export const isUnderWay = (upload: Upload): boolean =>
  ["ready", "uploading", "assembling", "storing"].includes(upload.status);

/** What is assembled may be placed again and again, so its session stands until somebody deletes it. */
export const isKept = (upload: Upload): boolean => isUnderWay(upload) || upload.status === "complete";

export function createUploadStore(deps: {
  readonly time: ScaledTime;
  readonly ids: IdSource;
  readonly blobs: BlobStore;
  readonly nodes: NodeStore;
  readonly activity: Activity;
  readonly knobs: FastioKnobs;
  /** Told when a file got new content through a file share. */
  readonly onFileShareWrite: (fileShareId: string, userId: string) => void;
  /** Aborts what goes on in the background. */
  readonly closing: AbortSignal;
}): UploadStore {
  const { knobs, blobs } = deps;
  const uploads = new Map<string, Upload>();
  const open = new Map<string, Set<Upload>>(); // of each user; who counts drops those that have ended
  const countKept = (mine: Set<Upload> = new Set()): number => {
    for (const upload of mine) if (!isKept(upload)) mine.delete(upload);
    return mine.size;
  };
  const received = (upload: Upload): number => [...upload.chunks.values()].reduce((sum, one) => sum + one.size, 0);

  const enter = (upload: Upload, status: UploadStatus, message?: string): void => {
    upload.status = status;
    upload.message = message;
    deps.activity.bump([upload.userId], `upload:${upload.id}`);
  };
  const pause = async (): Promise<void> => {
    if (knobs.uploadDelayMs > 0) await deps.time.sleep(knobs.uploadDelayMs, deps.closing);
  };
  const put = (upload: Upload, content: Content, target: UploadTarget, name: string, userId: string): Node => {
    const by = { userId, uploadId: upload.id };
    const node =
      target.kind === "folder"
        ? deps.nodes.putFile(target.drive, target.folder, name, content, by)
        : deps.nodes.addVersion(target.drive, deps.nodes.node(target.drive, target.node), content, by);
    if (target.kind === "version" && target.fileShareId !== undefined)
      deps.onFileShareWrite(target.fileShareId, userId);
    upload.placedAs.push(node.id);
    upload.nodeId = node.id;
    return node;
  };
  /** The version in the way of a write that was to replace another one. */
  const conflictOf = (target: UploadTarget): string | undefined => {
    if (target.kind !== "version" || target.ifVersionId === undefined) return undefined;
    const now = currentVersion(deps.nodes.node(target.drive, target.node))?.id ?? "";
    return idKey(now) === idKey(target.ifVersionId) ? undefined : now;
  };
  const store = async (upload: Upload, content: Content, target: UploadTarget, quick: boolean): Promise<void> => {
    enter(upload, "storing");
    if (!quick) await pause();
    try {
      const name = target.kind === "folder" ? target.name : undefined;
      put(upload, content, target, name ?? upload.name, upload.userId);
      enter(upload, "stored");
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      enter(upload, "store_failed", error.message);
    }
  };
  const settle = async (upload: Upload, content: Content, quick = false): Promise<void> => {
    if (upload.hash && (await blobs.hash(content.key, upload.hash.algorithm)) !== upload.hash.value) {
      enter(upload, "assembly_failed", `The ${upload.hash.algorithm} of the file does not match.`);
      return;
    }
    upload.content = content;
    if (!quick) await pause();
    const inTheWay = upload.target && conflictOf(upload.target);
    if (inTheWay !== undefined) return enter(upload, "assembly_failed", `CONFLICT_VERSION_MISMATCH:${inTheWay}`);
    enter(upload, "complete");
    if (upload.target) await store(upload, content, upload.target, quick);
  };
  const assemble = async (upload: Upload): Promise<void> => {
    await pause();
    const parts = [...upload.chunks.entries()].sort(([a], [b]) => a - b).map(([, content]) => content);
    const [only, ...more] = parts;
    const content = only !== undefined && more.length === 0 ? only : await blobs.concat(parts.map((part) => part.key));
    if (more.length > 0) await Promise.all(parts.map((part) => blobs.remove(part.key)));
    await settle(upload, content);
  };
  const start = (upload: Upload): void => {
    enter(upload, "assembling");
    assemble(upload).catch((error: unknown) => {
      if (!deps.closing.aborted) enter(upload, "assembly_failed", String(error));
    });
  };
  const refuseUnlessOpen = (upload: Upload): void => {
    if (upload.status !== "ready" && upload.status !== "uploading")
      throw notAcceptable(`The upload is ${upload.status} and takes no more bytes.`);
  };

  return {
    create: (wish) => {
      if (countKept(open.get(wish.userId)) >= knobs.sessionsPerUser)
        throw new ApiRefusal(403, 1685, "Too many upload sessions are open.");
      const upload: Upload = {
        id: deps.ids.opaque("5"),
        userId: wish.userId,
        name: wish.name,
        size: wish.size,
        mode: wish.mode,
        maxSize: wish.maxSize,
        hash: wish.hash,
        fileCrc32c: undefined,
        target: wish.target,
        status: "ready",
        message: undefined,
        chunks: new Map(),
        content: undefined,
        nodeId: undefined,
        placedAs: [],
      };
      uploads.set(idKey(upload.id), upload);
      open.set(upload.userId, (open.get(upload.userId) ?? new Set()).add(upload));
      return upload;
    },
    find: (userId, id) => {
      const upload = uploads.get(idKey(id));
      if (!upload || upload.userId !== userId) throw notFound("upload");
      return upload;
    },
    list: (userId) => [...uploads.values()].filter((upload) => upload.userId === userId),
    all: () => [...uploads.values()],
    addChunk: (upload, order, content) => {
      const before = upload.chunks.get(order);
      if (before) {
        // A repeat is what a retry looks like; other bytes under the same number are a mistake.
        if (before.sha256 !== content.sha256) throw conflict(`Chunk ${order} was already sent with other bytes.`);
        return false;
      }
      refuseUnlessOpen(upload);
      const total = received(upload) + content.size;
      if (total > (upload.size ?? 0)) throw sizesDiffer(total, upload.size ?? 0);
      upload.chunks.set(order, content);
      enter(upload, "uploading");
      return true;
    },
    removeChunk: async (upload, order) => {
      refuseUnlessOpen(upload);
      const chunk = upload.chunks.get(order);
      if (!chunk) throw notFound("chunk");
      upload.chunks.delete(order);
      await blobs.remove(chunk.key);
    },
    declareCrc32c: (upload, crc) => {
      if (upload.fileCrc32c !== undefined && upload.fileCrc32c !== crc)
        throw new ApiRefusal(409, 10779, "Another CRC-32C was already declared for this file.");
      upload.fileCrc32c = crc;
    },
    complete: async (upload) => {
      refuseUnlessOpen(upload);
      const orders = [...upload.chunks.keys()].sort((a, b) => a - b);
      const total = received(upload);
      const gap = upload.mode === "chunked" && orders.some((order, index) => order !== index + 1);
      if (gap || total !== upload.size) {
        const refusal = sizesDiffer(total, upload.size ?? 0);
        // A sequential session may still get its bytes; the other kind is lost for good.
        if (upload.mode === "chunked") enter(upload, "assembly_failed", refusal.message);
        throw refusal;
      }
      const small = orders.slice(0, -1).find((order) => (upload.chunks.get(order)?.size ?? 0) < knobs.chunkMinBytes);
      if (upload.mode === "chunked" && small !== undefined) {
        const refusal = invalidField("size", `Chunk ${small} is smaller than ${knobs.chunkMinBytes} bytes.`);
        enter(upload, "assembly_failed", `Chunk ${small} is too small.`);
        throw refusal;
      }
      if (upload.fileCrc32c !== undefined) {
        enter(upload, "assembling");
        const keys = orders.flatMap((order) => upload.chunks.get(order)?.key ?? []);
        if ((await blobs.hash(keys, "crc32c")) !== upload.fileCrc32c) {
          const refusal = notAcceptable("The CRC-32C of the file does not match; nothing was stored.", 10778);
          enter(upload, "assembly_failed", refusal.message);
          throw refusal;
        }
      }
      start(upload);
    },
    finishWith: async (upload, content, { now = false } = {}) => {
      refuseUnlessOpen(upload);
      upload.chunks.set(1, content);
      if (now) return settle(upload, content, true);
      start(upload);
    },
    place: (upload, target, name, userId) => {
      if (!upload.content || !["complete", "stored"].includes(upload.status))
        throw notAcceptable(`The upload is ${upload.status} and cannot be imported yet.`);
      return put(upload, upload.content, target, name, userId);
    },
    waitForChange: async (upload, waitMs, signal) => {
      const status = upload.status;
      const deadline = performance.now() + waitMs;
      while (upload.status === status && isUnderWay(upload) && !signal.aborted) {
        const left = deadline - performance.now();
        if (left <= 0) return;
        await deps.activity.poll(upload.userId, undefined, left, signal);
      }
    },
    remove: async (upload) => {
      uploads.delete(idKey(upload.id));
      open.get(upload.userId)?.delete(upload);
      if (upload.placedAs.length > 0) return;
      const keys = [...upload.chunks.values(), ...(upload.content ? [upload.content] : [])].map((one) => one.key);
      await Promise.all(keys.map((key) => blobs.remove(key)));
    },
  };
}
