import type { UploadTarget } from "../../ports/uploads.ts";
import type { Call } from "../api.ts";
import { path } from "../path.ts";
import { placeOf, placePath } from "./storage.ts";

/** Bytes on their way out, and how to say so. */
export type Payload = NonNullable<Call["body"]>;

export type NewUpload = {
  readonly workspaceId: string;
  readonly name: string;
  readonly mimeType: string;
  /** Bytes; undefined opens a session that takes them as one stream. */
  readonly size: number | undefined;
  readonly sha256?: string | undefined;
  /** Where the file goes by itself when it is whole; undefined: it waits to be placed. */
  readonly target: UploadTarget | undefined;
  /** The file of the workspace that gets a new version, instead of a target. */
  readonly versionOf?: string | undefined;
};

/** A chunk of 100 MB over a slow line. */
const CHUNK_TIMEOUT_MS = 300_000;

/** Routes both dialects share. */
export const session = {
  /** @param waitSeconds how long the server may hold the answer until something changes; 0: not at all */
  read: (uploadId: string, waitSeconds: number): Call => ({
    operation: "fastio.upload.read",
    method: "GET",
    path: path`/upload/${uploadId}/details/`,
    query: { wait: waitSeconds > 0 ? String(waitSeconds) : undefined },
    headersTimeoutMs: (waitSeconds + 30) * 1_000,
    patient: true,
  }),
  cancel: (uploadId: string): Call => ({
    operation: "fastio.upload.cancel",
    method: "DELETE",
    path: path`/upload/${uploadId}/`,
    repeatable: true,
  }),
  list: (): Call => ({ operation: "fastio.upload.list", method: "GET", path: "/upload/details/" }),
  limits: (): Call => ({ operation: "fastio.upload.limits", method: "GET", path: "/upload/limits/" }),
} as const;

/** Routes as the live service and its official command line have them. */
export const reference = {
  open: (upload: NewUpload): Call => ({
    operation: "fastio.upload.open",
    method: "POST",
    path: "/upload/",
    form: uploadFields(upload),
  }),
  /** A small file in one call. */
  whole: (body: Payload): Call => ({
    operation: "fastio.upload.whole",
    method: "POST",
    path: "/upload/",
    body,
    headersTimeoutMs: CHUNK_TIMEOUT_MS,
  }),
  /** @param chunk `index` from 0; the service counts from 1 */
  chunk: (
    uploadId: string,
    chunk: { readonly index: number; readonly size: number; readonly sha256: string | undefined },
    body: Payload,
    repeatable: boolean,
  ): Call => ({
    operation: "fastio.upload.chunk",
    method: "POST",
    path: path`/upload/${uploadId}/chunk/`,
    query: { order: String(chunk.index + 1), size: String(chunk.size), ...hashFields(chunk.sha256) },
    body,
    repeatable,
    patient: true,
    headersTimeoutMs: CHUNK_TIMEOUT_MS,
  }),
  /** Which chunks the server has. */
  chunks: (uploadId: string): Call => ({
    operation: "fastio.upload.chunks",
    method: "GET",
    path: path`/upload/${uploadId}/chunk/`,
    patient: true,
  }),
  removeChunk: (uploadId: string, order: number): Call => ({
    operation: "fastio.upload.chunk_delete",
    method: "DELETE",
    path: path`/upload/${uploadId}/chunk/`,
    query: { order: String(order) },
    repeatable: true,
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
    patient: true,
  }),
  place: (target: UploadTarget, name: string, uploadId: string): Call => ({
    operation: "fastio.upload.place",
    method: "POST",
    path: placePath(placeOf(target)) + path`/storage/${target.parentId}/addfile/`,
    form: { name, from: JSON.stringify({ type: "upload", upload: { id: uploadId } }) },
  }),
} as const;

/** Routes as the written guide has them. Bodies whose encoding it leaves open go as forms. */
export const guide = {
  open: (upload: NewUpload): Call => ({
    operation: "fastio.upload.open",
    method: "POST",
    path: path`/workspace/${upload.workspaceId}/upload/init/`,
    json: { filename: upload.name, content_type: upload.mimeType, size: upload.size },
  }),
  whole: (target: UploadTarget, body: Payload): Call => ({
    operation: "fastio.upload.whole",
    method: "POST",
    path: placePath(placeOf(target)) + path`/storage/${target.parentId}/add-link/`,
    body,
    headersTimeoutMs: CHUNK_TIMEOUT_MS,
  }),
  /** @param index from 0, unless the server began at 1 */
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
    path: placePath(placeOf(target)) + path`/storage/${target.parentId}/add-file/`,
    form: { upload_id: uploadId, name },
  }),
} as const;

/** Many small files in one call. */
export const batch = (body: Payload): Call => ({
  operation: "fastio.upload.batch",
  method: "POST",
  path: "/upload/batch/",
  body,
  headersTimeoutMs: CHUNK_TIMEOUT_MS,
});

/** Imports by address; both dialects have the same routes. */
export const imports = {
  start: (url: string, target: UploadTarget, name: string | undefined): Call => ({
    operation: "fastio.import.start",
    method: "POST",
    path: "/web_upload/",
    form: {
      source_url: url,
      profile_id: "shareId" in target ? target.shareId : target.workspaceId,
      profile_type: "shareId" in target ? "share" : "workspace",
      folder_id: target.parentId,
      file_name: name,
    },
  }),
  read: (importId: string): Call => ({
    operation: "fastio.import.read",
    method: "GET",
    path: path`/web_upload/${importId}/details/`,
  }),
  cancel: (importId: string): Call => ({
    operation: "fastio.import.cancel",
    method: "DELETE",
    path: "/web_upload/",
    query: { id: importId },
    repeatable: true,
  }),
} as const;

/** Fields of a new upload; the single-call form sends the same beside its bytes. */
export function uploadFields({
  workspaceId,
  name,
  size,
  sha256,
  target,
  versionOf,
}: NewUpload): Record<string, string> {
  return {
    name,
    ...(size === undefined ? { stream: "true" } : { size: String(size) }),
    action: versionOf === undefined ? "create" : "update",
    ...hashFields(sha256),
    ...(versionOf === undefined ? {} : { instance_id: workspaceId, file_id: versionOf, profile_type: "workspace" }),
    ...(target === undefined
      ? {}
      : {
          instance_id: "shareId" in target ? target.shareId : target.workspaceId,
          folder_id: target.parentId,
          profile_type: "shareId" in target ? "share" : "workspace",
        }),
  };
}

/** Hash and algorithm go as a pair or not at all. */
const hashFields = (sha256: string | undefined): Record<string, string> =>
  sha256 === undefined ? {} : { hash: sha256, hash_algo: "sha256" };
