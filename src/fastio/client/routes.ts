import type { ShareWish, UploadTarget } from "../types.ts";
import type { Call } from "./api.ts";
import { path } from "./path.ts";

/** Bytes on their way out, and how to say so. */
export type Payload = NonNullable<Call["body"]>;

export type NewUpload = {
  readonly workspaceId: string;
  readonly name: string;
  readonly mimeType: string;
  /** Bytes; undefined opens a session that takes them as one stream. */
  readonly size: number | undefined;
  /** Where the file goes by itself when it is whole; undefined: it waits to be placed. */
  readonly target: UploadTarget | undefined;
};

/** Fast.io's words for who may open a share; it takes these phrases and no others. */
const ACCESS_PHRASES: Readonly<Record<ShareWish["access"], string>> = {
  named: "Only members of the Share or Workspace",
  org: "Members of the Share, Workspace or Org",
  link: "Anyone with the link",
};

/** A chunk of 100 MB over a slow line. */
const CHUNK_TIMEOUT_MS = 300_000;

/** Routes both dialects share, or that only the reference has. */
export const common = {
  orgs: (offset: number, limit: number): Call => ({
    operation: "fastio.orgs.list",
    method: "GET",
    path: "/orgs/list/",
    query: { limit: String(limit), offset: String(offset) },
  }),
  workspace: (workspaceId: string): Call => ({
    operation: "fastio.workspace.read",
    method: "GET",
    path: path`/workspace/${workspaceId}/details/`,
  }),
  node: (workspaceId: string, nodeId: string): Call => ({
    operation: "fastio.node.read",
    method: "GET",
    path: path`/workspace/${workspaceId}/storage/${nodeId}/details/`,
  }),
  folder: (workspaceId: string, folderId: string, cursor: string | undefined): Call => ({
    operation: "fastio.folder.list",
    method: "GET",
    path: path`/workspace/${workspaceId}/storage/${folderId}/list/`,
    query: { page_size: "500", cursor },
  }),
  /** An existing folder of that name is returned, so a second try is harmless. */
  createFolder: (target: UploadTarget, name: string): Call => ({
    operation: "fastio.folder.create",
    method: "POST",
    path: path`/workspace/${target.workspaceId}/storage/${target.parentId}/createfolder/`,
    form: { name },
    repeatable: true,
  }),
  /** @param waitSeconds how long the server may hold the answer until something changes; 0: not at all */
  upload: (uploadId: string, waitSeconds: number): Call => ({
    operation: "fastio.upload.read",
    method: "GET",
    path: path`/upload/${uploadId}/details/`,
    query: { wait: waitSeconds > 0 ? String(waitSeconds) : undefined },
    headersTimeoutMs: (waitSeconds + 30) * 1_000,
    patient: true,
  }),
  cancelUpload: (uploadId: string): Call => ({
    operation: "fastio.upload.cancel",
    method: "DELETE",
    path: path`/upload/${uploadId}/`,
  }),
  /** @param idOrName share id, or its custom name: the service takes either */
  share: (idOrName: string): Call => ({
    operation: "fastio.share.read",
    method: "GET",
    path: path`/share/${idOrName}/details/`,
  }),
  shares: (workspaceId: string, offset: number, limit: number): Call => ({
    operation: "fastio.share.list",
    method: "GET",
    path: path`/workspace/${workspaceId}/list/shares/`,
    query: { limit: String(limit), offset: String(offset) },
  }),
  invite: (shareId: string, email: string, message: string | undefined): Call => ({
    operation: "fastio.share.invite",
    method: "POST",
    path: path`/share/${shareId}/members/${email}/`,
    form: { permissions: "view", message },
  }),
  guests: (shareId: string, offset: number, limit: number): Call => ({
    operation: "fastio.share.guests",
    method: "GET",
    path: path`/share/${shareId}/members/list/`,
    query: { limit: String(limit), offset: String(offset) },
  }),
} as const;

/** Routes as the live service and its official command line have them. */
export const reference = {
  whoami: (): Call => ({ operation: "fastio.whoami", method: "GET", path: "/user/auth/check/" }),
  workspaces: (offset: number, limit: number): Call => ({
    operation: "fastio.workspace.list",
    method: "GET",
    path: "/workspaces/all/",
    query: { limit: String(limit), offset: String(offset) },
  }),
  /** Mints a token and logs that it did, so it is asked for once. */
  requestRead: (workspaceId: string, nodeId: string, versionId: string | undefined): Call => ({
    operation: "fastio.download.request",
    method: "GET",
    path: path`/workspace/${workspaceId}/storage/${nodeId}/requestread/`,
    query: { version_id: versionId },
    repeatable: false,
  }),
  /** The bytes; the token is the permission, our key is not sent. */
  readPath: (workspaceId: string, nodeId: string): string => path`/workspace/${workspaceId}/storage/${nodeId}/read/`,
  openUpload: (upload: NewUpload): Call => ({
    operation: "fastio.upload.open",
    method: "POST",
    path: "/upload/",
    form: uploadFields(upload),
  }),
  /** A small file in one call. */
  uploadWhole: (body: Payload): Call => ({
    operation: "fastio.upload.whole",
    method: "POST",
    path: "/upload/",
    body,
    headersTimeoutMs: CHUNK_TIMEOUT_MS,
  }),
  /** @param index from 0; the service counts from 1 */
  chunk: (uploadId: string, index: number, size: number, body: Payload, repeatable: boolean): Call => ({
    operation: "fastio.upload.chunk",
    method: "POST",
    path: path`/upload/${uploadId}/chunk/`,
    query: { order: String(index + 1), size: String(size) },
    body,
    repeatable,
    patient: true,
    headersTimeoutMs: CHUNK_TIMEOUT_MS,
  }),
  stream: (uploadId: string, body: Payload): Call => ({
    operation: "fastio.upload.stream",
    method: "POST",
    path: path`/upload/${uploadId}/stream/`,
    body,
    headersTimeoutMs: 2 * CHUNK_TIMEOUT_MS,
  }),
  complete: (uploadId: string): Call => ({
    operation: "fastio.upload.complete",
    method: "POST",
    path: path`/upload/${uploadId}/complete/`,
    form: {},
  }),
  place: (target: UploadTarget, name: string, uploadId: string): Call => ({
    operation: "fastio.upload.place",
    method: "POST",
    path: path`/workspace/${target.workspaceId}/storage/${target.parentId}/addfile/`,
    form: { name, from: JSON.stringify({ type: "upload", upload: { id: uploadId } }) },
  }),
  createShare: (wish: ShareWish): Call => ({
    operation: "fastio.share.create",
    method: "POST",
    path: path`/workspace/${wish.workspaceId}/create/share/`,
    form: {
      title: wish.title,
      custom_name: wish.customName,
      share_type: wish.type,
      storage_mode: "workspace_folder",
      folder_node_id: wish.folderNodeId,
      access_options: ACCESS_PHRASES[wish.access],
      description: wish.description,
      // Required; a share over a folder has none of its own.
      intelligence: "false",
    },
  }),
} as const;

/** Routes as the written guide has them. Bodies whose encoding it leaves open go as forms. */
export const guide = {
  whoami: (): Call => ({ operation: "fastio.whoami", method: "GET", path: "/user/" }),
  workspaces: (orgId: string): Call => ({
    operation: "fastio.workspace.list",
    method: "GET",
    path: path`/org/${orgId}/workspaces/`,
  }),
  download: (workspaceId: string, nodeId: string): Call => ({
    operation: "fastio.download.request",
    method: "GET",
    path: path`/workspace/${workspaceId}/storage/${nodeId}/download/`,
    repeatable: false,
  }),
  openUpload: (upload: NewUpload): Call => ({
    operation: "fastio.upload.open",
    method: "POST",
    path: path`/workspace/${upload.workspaceId}/upload/init/`,
    json: { filename: upload.name, content_type: upload.mimeType, size: upload.size },
  }),
  uploadWhole: (target: UploadTarget, body: Payload): Call => ({
    operation: "fastio.upload.whole",
    method: "POST",
    path: path`/workspace/${target.workspaceId}/storage/${target.parentId}/add-link/`,
    body,
    headersTimeoutMs: CHUNK_TIMEOUT_MS,
  }),
  /** @param index from 0 */
  chunk: (uploadId: string, index: number, body: Payload, repeatable: boolean): Call => ({
    operation: "fastio.upload.chunk",
    method: "PUT",
    path: path`/upload/${uploadId}/chunk/${String(index)}/`,
    body,
    repeatable,
    patient: true,
    headersTimeoutMs: CHUNK_TIMEOUT_MS,
  }),
  place: (target: UploadTarget, name: string, uploadId: string): Call => ({
    operation: "fastio.upload.place",
    method: "POST",
    path: path`/workspace/${target.workspaceId}/storage/${target.parentId}/add-file/`,
    form: { upload_id: uploadId, name },
  }),
  createShare: (wish: ShareWish): Call => ({
    operation: "fastio.share.create",
    method: "POST",
    path: path`/workspace/${wish.workspaceId}/share/create/`,
    form: {
      title: wish.title,
      custom_name: wish.customName,
      mode: wish.type,
      // The guide knows rooms with storage of their own; a folder of the workspace goes by the reference's word.
      storage_mode: wish.folderNodeId === "root" ? "room" : "workspace_folder",
      folder_node_id: wish.folderNodeId,
      access_options: ACCESS_PHRASES[wish.access],
      description: wish.description,
    },
  }),
  registerWebhook: (hook: { workspaceId: string; url: string; events: readonly string[] }): Call => ({
    operation: "fastio.webhook.register",
    method: "POST",
    path: path`/workspace/${hook.workspaceId}/webhook/create/`,
    form: { url: hook.url, events: JSON.stringify(hook.events) },
  }),
} as const;

/** Fields of a new upload; the single-call form sends the same beside its bytes. */
export function uploadFields({ name, size, target }: NewUpload): Record<string, string> {
  return {
    name,
    ...(size === undefined ? { stream: "true" } : { size: String(size) }),
    action: "create",
    ...(target === undefined
      ? {}
      : { instance_id: target.workspaceId, folder_id: target.parentId, profile_type: "workspace" }),
  };
}
