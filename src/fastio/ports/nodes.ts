/** Storage of a workspace (its id, or its folder name), or of a share that keeps files of its own. */
export type StoragePlace = string | { readonly shareId: string };

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
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs?: number;
  /** When its content or its name last changed; milliseconds since the Unix epoch. */
  readonly modifiedAtMs?: number;
  /** What Fast.io's scan says; `unscanned`: none is run. Absent: it says nothing. */
  readonly virus?: "clean" | "infected" | "pending" | "unscanned";
  /** Somebody holds it, so that others do not change it meanwhile. */
  readonly lock?: NodeLock;
  /** How far Fast.io's own index is with it; questions pass over files that are not `ready`. */
  readonly indexing?: "off" | "pending" | "ready" | "failed";
};

export type NodeLock = {
  /** User id, where it is told. */
  readonly holderId?: string;
  /** When it ends unless it is renewed; milliseconds since the Unix epoch. */
  readonly untilMs?: number;
};

/** One content a file has or had. */
export type FastioVersion = {
  readonly id: string;
  /** Bytes. */
  readonly size?: number;
  readonly hash?: { readonly algorithm: string; readonly value: string };
  /** Milliseconds since the Unix epoch. */
  readonly createdAtMs?: number;
  readonly creatorId?: string;
  readonly current?: boolean;
};

/** What became of each id in a bulk look-up. */
export type NodeBatch = {
  /** Those found, in no particular order. */
  readonly nodes: readonly FastioNode[];
  readonly missing: readonly {
    readonly nodeId: string;
    /** `unreadable`: it is there, but Fast.io could not tell of it just now. */
    readonly why: "gone" | "malformed" | "unreadable";
  }[];
};

export type SearchHit = {
  readonly nodeId: string;
  readonly name: string;
  readonly kind: FastioNode["kind"];
  readonly parentId?: string;
  /** Higher is better; comparable within one search only. */
  readonly score?: number;
  readonly snippet?: string;
  readonly matchedBy?: "keyword" | "semantic" | "both";
};

export type NoteText = { readonly node: FastioNode; readonly content: string };

export type NoteUpdate =
  | { readonly kind: "updated"; readonly node: FastioNode }
  /** Somebody wrote in between; `current` is what is there now, where the server tells it. */
  | { readonly kind: "conflict"; readonly current?: { readonly versionId: string; readonly hash?: string } };
