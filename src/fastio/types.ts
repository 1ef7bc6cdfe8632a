import type { Readable } from "node:stream";

/** A file or folder in Fast.io. Ids are opaque strings; compare them with `sameOpaqueId`. */
export type FastioNode = {
  readonly id: string;
  readonly kind: "file" | "folder" | "note" | "link";
  readonly name: string;
  /** Node id of the parent folder, or `root`. */
  readonly parentId: string;
  readonly versionId?: string;
  /** Bytes. */
  readonly size?: number;
  readonly mimeType?: string;
  /** Content hash as Fast.io tells it, e.g. `{ algorithm: "sha256", value: "…64 hex" }`. */
  readonly hash?: { readonly algorithm: string; readonly value: string };
  /** User id of whoever made it, from `origin.creator`. */
  readonly creatorId?: string;
  /** In the trash. */
  readonly deleted: boolean;
};

export type FastioWorkspace = { readonly id: string; readonly name: string; readonly folderName?: string };

export type FastioShare = {
  readonly id: string;
  readonly title?: string;
  /** Where a person opens it. */
  readonly url?: string;
  /** The part of the link we choose; unique in Fast.io, hence our key for finding a share again. */
  readonly customName?: string;
  readonly folderNodeId?: string;
};

export type ShareWish = {
  readonly workspaceId: string;
  /** 2 to 80 characters. */
  readonly title: string;
  /** 10 to 100 characters `[a-z0-9-]`, derived from the run, so that a repeat collides. */
  readonly customName: string;
  readonly type: "send" | "receive" | "exchange";
  /** The folder the share shows. */
  readonly folderNodeId: string;
  readonly access: "named" | "link" | "org";
  /** 10 to 500 characters. */
  readonly description?: string;
};

export type UploadTarget = { readonly workspaceId: string; readonly parentId: string };

/** What we know of a Fast.io upload session. */
export type UploadState = {
  readonly id: string;
  readonly status: string;
  /** `done`: may be placed (complete, stored). `failed`: terminal. */
  readonly phase: "open" | "working" | "done" | "failed";
  readonly message?: string;
  readonly nodeId?: string;
};

export type FastioDownload = {
  readonly body: Readable;
  /** Bytes, when the server said. */
  readonly size?: number;
  readonly mimeType?: string;
};

/**
 * The domain verbs the relay needs of Fast.io, whichever dialect the server speaks.
 * Each rejects with PermanentError (`failure: "gone"` for a node that vanished) or TransientError.
 */
export type Fastio = {
  /** The user the key belongs to. */
  whoami(signal: AbortSignal): Promise<{ readonly userId: string }>;
  /** Workspace by id; undefined when there is none. */
  readWorkspace(workspaceId: string, signal: AbortSignal): Promise<FastioWorkspace | undefined>;
  listWorkspaces(signal: AbortSignal): Promise<readonly FastioWorkspace[]>;
  readNode(workspaceId: string, nodeId: string, signal: AbortSignal): Promise<FastioNode>;
  /** Every node of a folder, page by page. */
  listFolder(workspaceId: string, folderId: string, signal: AbortSignal): AsyncGenerator<FastioNode>;
  /** Bytes of a file. The stream is the caller's to read or destroy. */
  openDownload(
    file: { readonly workspaceId: string; readonly nodeId: string; readonly versionId?: string | undefined },
    signal: AbortSignal,
  ): Promise<FastioDownload>;
  /** Same name in the same parent gives the same folder. */
  createFolder(target: UploadTarget, name: string, signal: AbortSignal): Promise<FastioNode>;
  /**
   * Streams bytes into an upload session that has no place yet; chunk by chunk, never whole in memory.
   * @returns the session id (remember it: `placeUpload` needs it), bytes and sha256 in hex of what was sent
   */
  uploadUnplaced(
    content: {
      readonly workspaceId: string;
      readonly name: string;
      readonly mimeType?: string;
      readonly size?: number;
      readonly body: Readable;
    },
    signal: AbortSignal,
  ): Promise<{ readonly uploadId: string; readonly size: number; readonly sha256: string }>;
  readUpload(uploadId: string, signal: AbortSignal): Promise<UploadState | undefined>;
  /** Makes a file of a finished session; repeating it with the same name gives a new version, not a second file. */
  placeUpload(target: UploadTarget, name: string, uploadId: string, signal: AbortSignal): Promise<FastioNode>;
  /** Uploads straight to a place (what a person's client does); chunked above 4 MiB. */
  upload(
    target: UploadTarget,
    content: {
      readonly name: string;
      readonly mimeType?: string;
      readonly size: number;
      readonly body: () => Readable;
    },
    signal: AbortSignal,
  ): Promise<FastioNode>;
  /** The share with this custom name, or undefined. */
  findShare(customName: string, signal: AbortSignal): Promise<FastioShare | undefined>;
  createShare(wish: ShareWish, signal: AbortSignal): Promise<FastioShare>;
  /** Shares of a workspace. */
  listShares(workspaceId: string, signal: AbortSignal): AsyncGenerator<FastioShare>;
  /** Invites by e-mail; Fast.io sends the mail. Inviting the same address again is harmless. */
  invite(
    shareId: string,
    guest: { readonly email: string; readonly message?: string | undefined },
    signal: AbortSignal,
  ): Promise<void>;
  listGuests(shareId: string, signal: AbortSignal): Promise<readonly { readonly email: string }[]>;
  registerWebhook(
    hook: { readonly workspaceId: string; readonly url: string; readonly events: readonly string[] },
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly secret?: string }>;
};
