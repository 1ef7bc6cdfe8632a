import type { ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BlobTooLargeError } from "../kit/blob-store.ts";
import { sendJson } from "../kit/body.ts";
import { type FilePart, MultipartError, readMultipart } from "../kit/multipart.ts";
import { ApiError, invalidParam } from "./api-error.ts";
import type { EmulatedApp } from "./apps.ts";
import { extensionOf, uploadLimit } from "./file-types.ts";
import type { Route, RouteCall } from "./route.ts";
import { toSeconds } from "./seconds.ts";
import type { Upload, World } from "./world.ts";

/** Characters; of a longer name only what stands before the first dot is kept. */
const LONGEST_NAME = 200;

/** Who an upload belongs to when its form names nobody. */
const DEFAULT_USER = "DEFAULT-USER";

/** Uploads, and the signed links to what was uploaded or made. */
export function createFileRoutes(world: World): Route[] {
  return [
    {
      operation: "upload",
      method: "POST",
      path: /^\/v1\/files\/upload$/,
      auth: "key",
      handle: (call, app) => receiveUpload(world, call, app),
    },
    {
      operation: "preview",
      method: "GET",
      path: /^\/v1\/files\/[^/]+\/preview$/,
      auth: "key",
      // Only messages make files visible here, and workflows have none.
      handle: () => {
        const route = "/v1/files/<uuid:file_id>/preview";
        throw new ApiError(404, "file_not_found", "File not found in message context", route);
      },
    },
    {
      operation: "upload_link",
      method: "GET",
      path: /^\/files\/(?<id>[0-9a-f-]{36})\/file-preview$/,
      auth: "none",
      handle: (call) => serveUpload(world, call),
    },
    {
      operation: "tool_link",
      method: "GET",
      path: /^\/files\/tools\/(?<id>[0-9a-f-]{36})(?:\.[^/]*)?$/,
      auth: "none",
      handle: (call) => serveToolFile(world, call),
    },
  ];
}

async function receiveUpload(world: World, { request, response }: RouteCall, app: EmulatedApp): Promise<void> {
  const storePart = async (part: FilePart, bytes: Readable) => {
    const limit = uploadLimit(extensionOf(part.filename ?? ""), world.settings.uploadLimits);
    try {
      return { part, blob: await world.blobs.put(bytes, { maxBytes: limit }) };
    } catch (error) {
      if (error instanceof BlobTooLargeError) return { part, blob: undefined };
      throw error;
    }
  };
  const form = await readMultipart(request, { onFile: storePart }).catch((error: unknown) => {
    if (error instanceof MultipartError && error.code === "not_multipart") return { fields: [], files: [] };
    throw error instanceof MultipartError ? new ApiError(400, "bad_request", error.message) : error;
  });
  const discard = () => Promise.all(form.files.map(({ blob }) => blob && world.blobs.remove(blob.key)));

  const refusal = refuseUpload(form.files.map(({ part }) => part));
  const [file] = form.files.filter(({ part }) => part.field === "file");
  if (refusal !== undefined || file === undefined) {
    await discard();
    throw refusal ?? new ApiError(400, "no_file_uploaded", "Please upload your file.");
  }
  // The real server says no more than the code.
  if (file.blob === undefined) throw new ApiError(413, "file_too_large", "");

  const user = form.fields.find(({ name }) => name === "user")?.value || DEFAULT_USER;
  const upload = register(world, app, user, file.part, file.blob);
  sendJson(response, 201, uploadAnswer(world, app, upload));
}

function refuseUpload(parts: readonly FilePart[]): ApiError | undefined {
  const [part] = parts.filter(({ field }) => field === "file");
  if (part === undefined) return new ApiError(400, "no_file_uploaded", "Please upload your file.");
  if (parts.length > 1) return new ApiError(400, "too_many_files", "Only one file is allowed.");
  if (part.mimeType === "") return new ApiError(415, "unsupported_file_type", "File type not allowed.");
  if (part.filename === undefined)
    return new ApiError(400, "filename_not_exists_error", "The specified filename does not exist.");
  if (/[/\\:*?"<>|]/.test(part.filename)) return invalidParam("Filename contains invalid characters");
  return undefined;
}

function register(
  world: World,
  app: EmulatedApp,
  user: string,
  part: FilePart,
  blob: { key: string; size: number; sha256: string },
): Upload {
  const given = part.filename ?? "";
  const extension = extensionOf(given).toLowerCase();
  const isLong = [...given].length > LONGEST_NAME;
  const name = isLong ? `${[...(given.split(".", 1)[0] ?? "")].slice(0, LONGEST_NAME).join("")}.${extension}` : given;
  const upload: Upload = {
    id: world.random.uuid(),
    owner: world.endUser(app, user),
    name,
    extension,
    mimeType: part.mimeType,
    size: blob.size,
    sha256: blob.sha256,
    blobKey: blob.key,
    createdAtMs: world.time.now(),
  };
  world.uploads.set(upload.id, upload);
  return upload;
}

function uploadAnswer({ traits, links }: World, app: EmulatedApp, upload: Upload): object {
  const always = {
    name: upload.name,
    size: upload.size,
    extension: upload.extension,
    mime_type: upload.mimeType,
    created_by: upload.owner.id,
    created_at: toSeconds(upload.createdAtMs),
    preview_url: null,
    source_url: links.upload(upload.id),
  };
  if (traits.profile === "P1") return { id: upload.id, ...always };
  return {
    id: upload.id,
    reference: null,
    ...always,
    original_url: null,
    user_id: null,
    tenant_id: app.tenantId,
    conversation_id: null,
    file_key: null,
  };
}

async function serveUpload({ links, uploads, blobs }: World, { response, url, params }: RouteCall): Promise<void> {
  const id = params["id"] ?? "";
  const verdict = links.check(id, url.searchParams);
  if (verdict === "incomplete") throw invalidParam("Invalid request.");
  const upload = uploads.get(id);
  if (verdict === "refused" || upload === undefined)
    throw new ApiError(404, "not_found", "File not found or signature is invalid");
  await sendFile(response, blobs.open(upload.blobKey), {
    ...upload,
    mimeType: "application/octet-stream",
    attachment: url.searchParams.get("as_attachment") === "true",
  });
}

async function serveToolFile({ links, toolFiles, blobs }: World, { response, url, params }: RouteCall): Promise<void> {
  const id = params["id"] ?? "";
  const verdict = links.check(id, url.searchParams);
  if (verdict === "incomplete") throw invalidParam("Invalid request.");
  if (verdict === "refused") throw new ApiError(403, "forbidden", "Invalid request.");
  const file = toolFiles.get(id);
  if (file === undefined) throw new ApiError(404, "not_found", "file is not found");
  const attachment = url.searchParams.get("as_attachment") === "true" || file.mimeType.includes("html");
  await sendFile(response, blobs.open(file.blobKey), { ...file, attachment });
}

async function sendFile(
  response: ServerResponse,
  bytes: Readable,
  file: { name: string; mimeType: string; size: number; attachment: boolean },
): Promise<void> {
  response.writeHead(200, {
    "content-type": file.mimeType,
    "content-length": String(file.size),
    ...(file.mimeType.includes("html") ? { "x-content-type-options": "nosniff" } : {}),
    ...(file.attachment
      ? { "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file.name)}` }
      : {}),
  });
  try {
    await pipeline(bytes, response);
  } catch (error) {
    // A client may leave in the middle; anything else is ours.
    if (!(error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE")) throw error;
  }
}
