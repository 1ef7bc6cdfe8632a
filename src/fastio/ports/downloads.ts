import type { Readable } from "node:stream";
import type { StoragePlace } from "./nodes.ts";

export type FastioDownload = {
  /** Goes on by itself where it broke; fails with `download_changed` when the file is another one by then. */
  readonly body: Readable;
  /** Bytes of the whole file, when the server said. */
  readonly size?: number;
  readonly mimeType?: string;
};

export type FileToRead = {
  readonly place: StoragePlace;
  readonly nodeId: string;
  readonly versionId?: string | undefined;
  /** First byte wanted, e.g. how much of it is here already. Default 0. */
  readonly from?: number | undefined;
  /** Hash of the whole in hex; the stream fails at its end when the bytes have another. Only from byte 0. */
  readonly sha256?: string | undefined;
};

/** A link that lets whoever holds it read the file, without a key: never log or store it. */
export type FastioLink = {
  readonly url: string;
  readonly expiresAtMs: number;
};

export type FastioDownloads = {
  /**
   * A link that others may fetch the file by, named in the audit log as a download.
   * @returns undefined where Fast.io sends the bytes themselves instead
   */
  linkTo(
    file: Pick<FileToRead, "place" | "nodeId" | "versionId">,
    signal: AbortSignal,
  ): Promise<FastioLink | undefined>;
  /** Bytes of a file. The stream is the caller's to read or destroy. */
  openDownload(file: FileToRead, signal: AbortSignal): Promise<FastioDownload>;
  /** The first bytes of a file, fewer where it is shorter; no more than these are asked for. */
  readHead(
    file: Pick<FileToRead, "place" | "nodeId" | "versionId">,
    bytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array>;
  /** A folder as a ZIP archive, made as it is read. */
  openZip(place: StoragePlace, folderId: string, signal: AbortSignal): Promise<FastioDownload>;
};
