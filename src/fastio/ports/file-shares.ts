export type FileShareAccess = "link" | "registered" | "named";

/** A durable link to one file. */
export type FileShare = {
  readonly id: string;
  readonly title?: string;
  readonly url?: string;
  readonly nodeId?: string;
  readonly access?: FileShareAccess;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs?: number;
};

export type FileShareWish = {
  readonly workspaceId: string;
  /** The file; it cannot be another one later. */
  readonly nodeId: string;
  /** 1 to 255 characters. */
  readonly title?: string | undefined;
  /** Default `named`. */
  readonly access?: FileShareAccess | undefined;
  /** 1 to 255 characters. */
  readonly password?: string | undefined;
  /** Milliseconds since the Unix epoch; at most a hundred years ahead. */
  readonly expiresAtMs?: number | undefined;
};

/** What is left out stays; `null` clears. */
export type FileShareChanges = {
  readonly title?: string;
  readonly access?: FileShareAccess;
  readonly password?: string | null;
  readonly expiresAtMs?: number | null;
};

/** Exactly one of `email` and `userId`. */
export type FileShareGrantee = { readonly email: string } | { readonly userId: string };

export type FileShareGrant = {
  readonly userId?: string;
  readonly email?: string;
  readonly capability?: string;
};

export type FastioFileShares = {
  createFileShare(wish: FileShareWish, signal: AbortSignal): Promise<FileShare>;
  readFileShare(fileShareId: string, signal: AbortSignal): Promise<FileShare | undefined>;
  listFileShares(workspaceId: string, signal: AbortSignal): Promise<readonly FileShare[]>;
  updateFileShare(fileShareId: string, changes: FileShareChanges, signal: AbortSignal): Promise<FileShare>;
  /** One that is gone is fine. */
  deleteFileShare(fileShareId: string, signal: AbortSignal): Promise<void>;
  grantFileShare(
    fileShareId: string,
    grantee: FileShareGrantee,
    capability: "view" | "download" | "edit",
    signal: AbortSignal,
  ): Promise<void>;
  listFileShareGrants(fileShareId: string, signal: AbortSignal): Promise<readonly FileShareGrant[]>;
  revokeFileShare(fileShareId: string, grantee: FileShareGrantee, signal: AbortSignal): Promise<void>;
};
