import type { FastioNode, FastioVersion, NodeBatch, NoteText, NoteUpdate, SearchHit, StoragePlace } from "./nodes.ts";
import type { UploadTarget } from "./uploads.ts";

/** Files and folders. A node that is not there rejects with `failure: "gone"`. */
export type FastioStorage = {
  readNode(place: StoragePlace, nodeId: string, signal: AbortSignal): Promise<FastioNode>;
  /** Any number of nodes, 25 a call. Never rejects because some are missing. */
  readNodes(place: StoragePlace, nodeIds: readonly string[], signal: AbortSignal): Promise<NodeBatch>;
  /** Every node of a folder (`root` and `trash` are folders too), page by page. */
  listFolder(place: StoragePlace, folderId: string, signal: AbortSignal): AsyncGenerator<FastioNode>;
  /**
   * Files and folders by name, and by content where the workspace is indexed.
   * @param query 2 to 1,000 characters
   */
  searchFiles(
    place: StoragePlace,
    query: string,
    scope: { readonly fileIds?: readonly string[]; readonly folderIds?: readonly string[] },
    signal: AbortSignal,
  ): AsyncGenerator<SearchHit>;
  /** Same name in the same parent gives the same folder. */
  createFolder(target: UploadTarget, name: string, signal: AbortSignal): Promise<FastioNode>;
  renameNode(place: StoragePlace, nodeId: string, name: string, signal: AbortSignal): Promise<FastioNode>;
  /** A file of the same name at the target goes to the trash; a folder gets another name. */
  moveNode(place: StoragePlace, nodeId: string, parentId: string, signal: AbortSignal): Promise<FastioNode>;
  copyNode(place: StoragePlace, nodeId: string, parentId: string, signal: AbortSignal): Promise<FastioNode>;
  /** To the trash. What is gone already is fine. */
  deleteNode(place: StoragePlace, nodeId: string, signal: AbortSignal): Promise<void>;
  /** Back from the trash. */
  restoreNode(place: StoragePlace, nodeId: string, signal: AbortSignal): Promise<FastioNode>;
  /** For good. What is gone already is fine. */
  purgeNode(place: StoragePlace, nodeId: string, signal: AbortSignal): Promise<void>;
  listVersions(place: StoragePlace, nodeId: string, signal: AbortSignal): Promise<readonly FastioVersion[]>;
  /** Makes an earlier content the current one, as a new version. */
  restoreVersion(place: StoragePlace, nodeId: string, versionId: string, signal: AbortSignal): Promise<FastioNode>;
  /** @param note name ending in `.md`, at most 100 characters; content at most 100 KB */
  createNote(
    target: UploadTarget,
    note: { readonly name: string; readonly content: string },
    signal: AbortSignal,
  ): Promise<FastioNode>;
  readNote(place: StoragePlace, nodeId: string, versionId: string | undefined, signal: AbortSignal): Promise<NoteText>;
  /** With `ifVersionId`, only when that is still the note's version. */
  updateNote(
    place: StoragePlace,
    nodeId: string,
    change: {
      readonly name?: string | undefined;
      readonly content?: string | undefined;
      readonly ifVersionId?: string | undefined;
    },
    signal: AbortSignal,
  ): Promise<NoteUpdate>;
};
