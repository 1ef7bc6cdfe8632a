import type { Readable } from "node:stream";
import type { FastioNode } from "./nodes.ts";

/** A folder of a workspace, or of a share with storage of its own; `root` is its top. */
export type UploadTarget =
  | { readonly workspaceId: string; readonly parentId: string }
  | { readonly shareId: string; readonly parentId: string };

/** What we know of a Fast.io upload session. */
export type UploadState = {
  readonly id: string;
  readonly status: string;
  /** `done`: may be placed (complete, stored). `failed`: terminal. */
  readonly phase: "open" | "working" | "done" | "failed";
  readonly message?: string;
  readonly nodeId?: string;
};

/** How far an upload is; told after each chunk the server took. */
export type UploadProgress = {
  /** Bytes the server has, those of earlier attempts included. */
  readonly sentBytes: number;
  /** Undefined for content of unknown size. */
  readonly totalBytes?: number | undefined;
};

/** Content that can be read again from any byte on, so that an upload can go on after a crash. */
export type ReopenableContent = {
  /** Bytes. */
  readonly size: number;
  /** Bytes `from` (inclusive) to `to` (exclusive). */
  open(from: number, to: number): Readable | Promise<Readable>;
  /** Hash of the whole in hex, when known: the server then checks what it put together. */
  readonly sha256?: string | undefined;
};

export type UploadLimits = {
  /** Largest chunk, bytes. */
  readonly chunkBytes?: number;
  /** Largest file, bytes. */
  readonly fileBytes?: number;
  /** Chunks a session may have. */
  readonly chunks?: number;
  /** Sessions the account may have at once. */
  readonly sessions?: number;
};

/** An import of a file by its address; Fast.io fetches it, not we. */
export type UrlImport = {
  readonly id: string;
  readonly status: string;
  readonly phase: "working" | "done" | "failed";
  readonly nodeId?: string;
};

/** One content to upload, of which the stream is read once. */
export type UnplacedContent = {
  readonly workspaceId: string;
  readonly name: string;
  readonly mimeType?: string;
  readonly size?: number;
  /** Hash of the whole in hex, when known beforehand. */
  readonly sha256?: string;
  readonly body: Readable;
  readonly onProgress?: (progress: UploadProgress) => void;
};

export type PlacedContent = {
  readonly name: string;
  readonly mimeType?: string;
  readonly size: number;
  /** Hash of the whole in hex, when known beforehand. */
  readonly sha256?: string;
  readonly body: () => Readable;
  readonly onProgress?: (progress: UploadProgress) => void;
};

/** A small file of a batch, at most 4 MiB. */
export type BatchFile = { readonly name: string; readonly mimeType?: string; readonly content: Uint8Array };

/** What became of one file of a batch; `index` is its place in the list, from 0. */
export type BatchOutcome =
  | { readonly kind: "stored"; readonly index: number; readonly nodeId: string }
  | { readonly kind: "failed"; readonly index: number; readonly code?: string };

/** Aborting the signal of an upload cancels it and gives its session back. */
export type FastioUploads = {
  /**
   * Streams bytes into an upload session that has no place yet; chunk by chunk, never whole in memory.
   * @returns the session id (remember it: `placeUpload` needs it), bytes and sha256 in hex of what was sent
   */
  uploadUnplaced(
    content: UnplacedContent,
    signal: AbortSignal,
  ): Promise<{ readonly uploadId: string; readonly size: number; readonly sha256: string }>;
  readUpload(uploadId: string, signal: AbortSignal): Promise<UploadState | undefined>;
  /**
   * Makes a file of a finished session; repeating it with the same name gives a new version, not a second file.
   * @param upload `sha256` in hex of all that was sent, where it is known: Fast.io must tell of the file the same, if any
   * @throws {PermanentError} `hash_mismatch`; the file is there then, with other content than was sent
   */
  placeUpload(
    target: UploadTarget,
    name: string,
    upload: { readonly uploadId: string; readonly sha256?: string | undefined },
    signal: AbortSignal,
  ): Promise<FastioNode>;
  /**
   * Uploads straight to a place: in one call up to 4 MB, in chunks above.
   * @returns the file's id; `readNode` tells the rest
   */
  upload(target: UploadTarget, content: PlacedContent, signal: AbortSignal): Promise<{ readonly id: string }>;
  /** Many small files into one folder, in few calls. Some may fail while others are stored. */
  uploadMany(target: UploadTarget, files: readonly BatchFile[], signal: AbortSignal): Promise<readonly BatchOutcome[]>;
  /** A new version of a file that is there. */
  uploadVersion(
    file: { readonly workspaceId: string; readonly nodeId: string },
    content: PlacedContent,
    signal: AbortSignal,
  ): Promise<FastioNode>;
  /**
   * Opens a session to be filled by `fillUpload`, now or after a crash. Without a target it is placed later.
   * @returns the session id; remember it before filling
   */
  openUpload(
    wish: {
      readonly workspaceId: string;
      readonly target?: UploadTarget;
      readonly name: string;
      readonly mimeType?: string;
      /** Bytes. */
      readonly size: number;
      readonly sha256?: string;
    },
    signal: AbortSignal,
  ): Promise<{ readonly uploadId: string }>;
  /**
   * Sends what the session still lacks, by the server's own chunk map, and waits until it is put together. Leaves the
   * session as it is when it fails, so that it may be called again, in another process too.
   * @returns bytes sent by this call, and the state reached: `done` with a node id where the session had a target
   * @throws {PermanentError} `upload_failed` when the session is gone or holds other content: open another one
   */
  fillUpload(
    uploadId: string,
    content: ReopenableContent,
    options: { readonly onProgress?: (progress: UploadProgress) => void },
    signal: AbortSignal,
  ): Promise<{ readonly sentBytes: number; readonly state: UploadState }>;
  /** Gives a session back; one that is gone is fine. */
  cancelUpload(uploadId: string, signal: AbortSignal): Promise<void>;
  readUploadLimits(signal: AbortSignal): Promise<UploadLimits>;
  /** Lets Fast.io fetch a file by its address. */
  importUrl(
    source: { readonly url: string; readonly target: UploadTarget; readonly name?: string },
    signal: AbortSignal,
  ): Promise<UrlImport>;
  readImport(importId: string, signal: AbortSignal): Promise<UrlImport | undefined>;
  /**
   * Waits until an import is done.
   * @throws {TransientError} `upload_failed` when Fast.io could not fetch or store it
   */
  waitForImport(importId: string, signal: AbortSignal): Promise<UrlImport>;
  cancelImport(importId: string, signal: AbortSignal): Promise<void>;
};
