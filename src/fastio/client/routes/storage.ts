import type { StoragePlace } from "../../ports/nodes.ts";
import type { UploadTarget } from "../../ports/uploads.ts";
import type { Call } from "../api.ts";
import { path } from "../path.ts";

/** `/workspace/{id}` or `/share/{id}`: storage has the same routes under both. */
export const placePath = (place: StoragePlace): string =>
  typeof place === "string" ? path`/workspace/${place}` : path`/share/${place.shareId}`;

/** The storage a target lies in. */
export const placeOf = (target: UploadTarget): StoragePlace =>
  "shareId" in target ? { shareId: target.shareId } : target.workspaceId;

/** One node, or with a step behind it what is done to it. */
const nodePath = (place: StoragePlace, nodeId: string, step: string): string =>
  placePath(place) + path`/storage/${nodeId}/` + step;

/** Files, folders and notes. */
export const storage = {
  node: (place: StoragePlace, nodeId: string): Call => ({
    operation: "fastio.node.read",
    method: "GET",
    path: nodePath(place, nodeId, "details/"),
  }),
  /** @param nodeIds 2 to 25 of them; the commas between them go as they are, or the server sees one id */
  nodes: (place: StoragePlace, nodeIds: readonly string[]): Call => ({
    operation: "fastio.node.read_many",
    method: "GET",
    path: `${placePath(place)}/storage/${nodeIds.map((id) => path`${id}`).join(",")}/details/`,
  }),
  folder: (place: StoragePlace, folderId: string, cursor: string | undefined): Call => ({
    operation: "fastio.folder.list",
    method: "GET",
    path: nodePath(place, folderId, "list/"),
    query: { page_size: "500", cursor },
  }),
  search: (
    place: StoragePlace,
    wish: { readonly query: string; readonly files: string | undefined; readonly folders: string | undefined },
    offset: number,
    limit: number,
  ): Call => ({
    operation: "fastio.storage.search",
    method: "GET",
    path: `${placePath(place)}/storage/search/`,
    query: {
      search: wish.query,
      files_scope: wish.files,
      folders_scope: wish.folders,
      limit: String(limit),
      offset: String(offset),
    },
  }),
  /** An existing folder of that name is returned, so a second try is harmless. */
  createFolder: (target: UploadTarget, name: string): Call => ({
    operation: "fastio.folder.create",
    method: "POST",
    path: nodePath(placeOf(target), target.parentId, "createfolder/"),
    form: { name },
    repeatable: true,
  }),
  rename: (place: StoragePlace, nodeId: string, name: string): Call => ({
    operation: "fastio.node.rename",
    method: "POST",
    path: nodePath(place, nodeId, "update/"),
    form: { name },
    repeatable: true,
  }),
  /** Moving to where it lies already changes nothing. */
  move: (place: StoragePlace, nodeId: string, parent: string): Call => ({
    operation: "fastio.node.move",
    method: "POST",
    path: nodePath(place, nodeId, "move/"),
    form: { parent },
    repeatable: true,
  }),
  copy: (place: StoragePlace, nodeId: string, parent: string): Call => ({
    operation: "fastio.node.copy",
    method: "POST",
    path: nodePath(place, nodeId, "copy/"),
    form: { parent },
  }),
  remove: (place: StoragePlace, nodeId: string): Call => ({
    operation: "fastio.node.delete",
    method: "DELETE",
    path: nodePath(place, nodeId, "delete/"),
    repeatable: true,
  }),
  restore: (place: StoragePlace, nodeId: string): Call => ({
    operation: "fastio.node.restore",
    method: "POST",
    path: nodePath(place, nodeId, "restore/"),
    form: {},
  }),
  purge: (place: StoragePlace, nodeId: string): Call => ({
    operation: "fastio.node.purge",
    method: "DELETE",
    path: nodePath(place, nodeId, "purge/"),
    repeatable: true,
  }),
  versions: (place: StoragePlace, nodeId: string): Call => ({
    operation: "fastio.node.versions",
    method: "GET",
    path: nodePath(place, nodeId, "versions/"),
  }),
  restoreVersion: (place: StoragePlace, nodeId: string, versionId: string): Call => ({
    operation: "fastio.node.restore_version",
    method: "POST",
    path: nodePath(place, nodeId, "restore-version/"),
    form: { version_id: versionId },
  }),
  createNote: (target: UploadTarget, name: string, content: string): Call => ({
    operation: "fastio.note.create",
    method: "POST",
    path: nodePath(placeOf(target), target.parentId, "createnote/"),
    form: { name, content },
  }),
  readNote: (place: StoragePlace, nodeId: string, versionId: string | undefined): Call => ({
    operation: "fastio.note.read",
    method: "GET",
    path: nodePath(place, nodeId, "readnote/"),
    query: { version_id: versionId },
  }),
  updateNote: (
    place: StoragePlace,
    nodeId: string,
    change: {
      readonly name?: string | undefined;
      readonly content?: string | undefined;
      readonly ifVersionId?: string | undefined;
    },
  ): Call => ({
    operation: "fastio.note.update",
    method: "POST",
    path: nodePath(place, nodeId, "updatenote/"),
    form: { name: change.name, content: change.content, if_version_id: change.ifVersionId },
  }),
  /** Mints a token and logs that it did, so it is asked for once. */
  requestRead: (place: StoragePlace, nodeId: string, versionId: string | undefined): Call => ({
    operation: "fastio.download.request",
    method: "GET",
    path: nodePath(place, nodeId, "requestread/"),
    query: { version_id: versionId },
    repeatable: false,
  }),
  /** The bytes; the token is the permission, our key is not sent. */
  readPath: (place: StoragePlace, nodeId: string): string => nodePath(place, nodeId, "read/"),
  /** As the written guide has it. */
  download: (place: StoragePlace, nodeId: string, versionId: string | undefined): Call => ({
    operation: "fastio.download.request",
    method: "GET",
    path: nodePath(place, nodeId, "download/"),
    query: { version_id: versionId },
    repeatable: false,
  }),
  zip: (place: StoragePlace, folderId: string): Call => ({
    operation: "fastio.download.zip",
    method: "GET",
    path: nodePath(place, folderId, "zip/"),
    repeatable: false,
  }),
} as const;
