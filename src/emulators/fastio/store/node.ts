import type { EventScope } from "./events.ts";

/** How far the content of a version is known to the AI; `disabled` where intelligence is off. */
export type IndexState = "disabled" | "pending" | "in_progress" | "ready" | "failed";

/** What the virus scan says of a version; `unscanned` where none is run, as on the live service. */
export type ScanState = "unscanned" | "pending" | "clean" | "infected";

/** Bytes that are already in the blob store. */
export type Content = { readonly key: string; readonly size: number; readonly sha256: string };

export type Version = Content & {
  readonly id: string;
  readonly createdMs: number;
  readonly creator: string | undefined;
  readonly uploadId: string | undefined;
  index: IndexState;
  scan: ScanState;
};

export type Node = {
  readonly id: string;
  readonly type: "file" | "folder" | "link" | "note";
  name: string;
  /** Plain id of the parent folder, or `root`. */
  parentId: string;
  readonly createdMs: number;
  modifiedMs: number;
  readonly creator: string | undefined;
  /** Oldest first; the last one is current. Empty for folders and links. */
  readonly versions: Version[];
  trashed: { readonly atMs: number; readonly from: string } | undefined;
  /** Share id a link points to. */
  readonly target?: string;
  /** Title and short text a user wrote over what the file says about itself. */
  details?: { readonly title: string | undefined; readonly short: string | undefined };
  lock?: NodeLock | undefined;
};

/** Only its holder changes a locked node, until the lock runs out. */
export type NodeLock = {
  readonly token: string;
  readonly userId: string;
  readonly clientInfo: string | undefined;
  readonly durationMs: number;
  readonly sinceMs: number;
  untilMs: number;
};

/** A tree of nodes: a workspace's storage, or the own storage of a share. */
export type Drive = {
  readonly kind: "workspace" | "share";
  readonly id: string;
  readonly scope: EventScope;
  /** Whether the AI reads what is stored here. */
  intelligence: boolean;
  readonly nodes: Map<string, Node>;
  /** Live children by parent key and name. */
  readonly children: Map<string, Map<string, Node>>;
};

/** Undefined for folders and links. */
export const currentVersion = (node: Node): Version | undefined => node.versions.at(-1);
