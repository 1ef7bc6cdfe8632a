import type { FastioNode, FastioShare, FastioWorkspace, UploadState } from "../types.ts";
import { asCount, asText, at, type Fields, isFields, malformed, needText, pickRows, pickText } from "./pick.ts";

/** Every answer of Fast.io that we read, made ours. Which names to look under: one list per thing. */

export const readUserId = (payload: unknown, operation: string): string =>
  needText(payload, operation, ["id", "user_id", "profile_id"], ["user", "profile"]);

export function readWorkspaceRows(payload: unknown, operation: string): readonly FastioWorkspace[] {
  const rows = pickRows(payload, ["workspaces", "items", "data", "results", "response.workspaces", "org.workspaces"]);
  if (rows === undefined) throw malformed(operation, "no list of workspaces");
  return rows.map((row) => readWorkspace(row, operation));
}

export function readWorkspace(payload: unknown, operation: string): FastioWorkspace {
  const id = needText(payload, operation, ["id", "workspace_id", "workspaceId"], ["workspace"]);
  const folderName = pickText(payload, ["folder_name"], ["workspace"]);
  return {
    id,
    name: pickText(payload, ["name", "title"], ["workspace"]) ?? folderName ?? id,
    ...(folderName === undefined ? {} : { folderName }),
  };
}

export const readOrgIds = (payload: unknown): readonly string[] =>
  (pickRows(payload, ["orgs"]) ?? []).flatMap((row) => pickText(row, ["id", "domain"]) ?? []);

/** A node told in full, or undefined when the answer holds none (yet). */
export function findNode(payload: unknown): FastioNode | undefined {
  const looksLikeNode = (value: unknown): value is Fields =>
    isFields(value) && typeof value["type"] === "string" && typeof value["name"] === "string";
  const fields = [payload, ...["node", "file", "folder", "note"].map((name) => at(payload, name))].find(looksLikeNode);
  const id = fields && pickText(fields, ["id", "node_id"]);
  return fields === undefined || id === undefined ? undefined : toNode(id, fields);
}

export function readNode(payload: unknown, operation: string): FastioNode {
  const node = findNode(payload);
  if (node === undefined) throw malformed(operation, "no node");
  return node;
}

export function readNodeRows(payload: unknown, operation: string): readonly FastioNode[] {
  const rows = pickRows(payload, ["nodes.items", "nodes", "files.items", "files", "items", "results"]);
  if (rows === undefined) throw malformed(operation, "no list of nodes");
  return rows.map((row) => toNode(needText(row, operation, ["id", "node_id"]), row));
}

function toNode(id: string, fields: Fields): FastioNode {
  const versionId = pickText(fields, ["version", "version_id"]);
  const size = asCount(fields["size"]);
  const mimeType = pickText(fields, ["mimetype", "mime_type"]);
  const hash = asText(fields["hash"]);
  const creatorId = pickText(fields, ["origin.creator", "creator"]);
  return {
    id,
    kind: toKind(fields["type"]),
    name: asText(fields["name"]) ?? "",
    parentId: pickText(fields, ["parent", "parent_id"]) ?? "root",
    deleted: isInTrash(fields),
    ...(versionId === undefined ? {} : { versionId }),
    ...(size === undefined ? {} : { size }),
    ...(mimeType === undefined ? {} : { mimeType }),
    // Documentation names md5, the live service sends sha256: without the algorithm a hash says nothing.
    ...(hash === undefined ? {} : { hash: { algorithm: asText(fields["hash_algo"]) ?? "unknown", value: hash } }),
    ...(creatorId === undefined ? {} : { creatorId }),
  };
}

/** Kinds we do not know are treated like links: things that are neither read nor entered. */
const toKind = (type: unknown): FastioNode["kind"] =>
  type === "file" || type === "folder" || type === "note" ? type : "link";

/** `deleted` is a flag or the time of deletion; `deleted_from` stands only on what lies in the trash. */
function isInTrash(fields: Fields): boolean {
  if (fields["parent"] === "trash" || asText(fields["deleted_from"]) !== undefined) return true;
  const deleted = fields["deleted"];
  return deleted === true || (typeof deleted === "string" && !["", "false", "no", "0"].includes(deleted));
}

export const readUploadId = (payload: unknown, operation: string): string =>
  needText(payload, operation, ["id", "upload_id", "uploadId", "session_id"], ["upload", "session"]);

/** The file an upload became. A bare `id` beside an upload is the upload's own, so only a node's counts. */
export const findNewNodeId = (payload: unknown): string | undefined =>
  pickText(payload, ["new_file_id", "node_id", "file_id"], ["session", "node", "file", "upload"]) ??
  pickText(at(payload, "node") ?? at(payload, "file"), ["id"]);

const PHASES: Readonly<Record<string, UploadState["phase"]>> = {
  ready: "open",
  uploading: "open",
  complete: "done",
  stored: "done",
  assembly_failed: "failed",
  store_failed: "failed",
};

export function readUploadState(payload: unknown, uploadId: string, operation: string): UploadState {
  const status = needText(payload, operation, ["status", "state"], ["session", "upload"]);
  const message = pickText(payload, ["status_message"], ["session", "upload"]);
  const nodeId = findNewNodeId(payload);
  return {
    id: uploadId,
    status,
    // Assembling, storing and whatever may be added between them: not done, not failed.
    phase: PHASES[status] ?? "working",
    ...(message === undefined ? {} : { message }),
    ...(nodeId === undefined ? {} : { nodeId }),
  };
}

export const readDownloadToken = (payload: unknown, operation: string): string =>
  needText(payload, operation, ["token", "download_token"], ["download"]);

export const readDownloadUrl = (payload: unknown, operation: string): string =>
  needText(payload, operation, ["url", "download_url", "signed_url", "link", "href"], ["download", "file", "node"]);

export function readShareRows(payload: unknown, operation: string): readonly FastioShare[] {
  const rows = pickRows(payload, ["shares", "items", "data", "results"]);
  if (rows === undefined) throw malformed(operation, "no list of shares");
  return rows.map((row) => readShare(row, operation));
}

export function readShare(payload: unknown, operation: string): FastioShare {
  const id = needText(payload, operation, ["share.id", "share.share_id", "id", "share_id"]);
  const title = pickText(payload, ["title", "name"], ["share"]);
  const customName = pickText(payload, ["custom_name"], ["share"]);
  const folderNodeId = pickText(payload, ["folder_node_id"], ["share"]);
  const url = findShareUrl(payload) ?? (customName === undefined ? undefined : publicShareUrl(customName, title));
  return {
    id,
    ...(title === undefined ? {} : { title }),
    ...(url === undefined ? {} : { url }),
    ...(customName === undefined ? {} : { customName }),
    ...(folderNodeId === undefined ? {} : { folderNodeId }),
  };
}

/** `custom_url` and `share_link` have been seen as mere path parts, so only whole addresses count. */
function findShareUrl(payload: unknown): string | undefined {
  const keys = ["web_url", "url", "share_url", "public_url", "custom_url", "link", "share_link"];
  for (const place of [payload, at(payload, "share"), at(payload, "share_link"), at(payload, "share.share_link")]) {
    for (const key of keys) {
      const text = asText(at(place, key));
      if (text !== undefined && /^https?:\/\//i.test(text)) return text;
    }
  }
  return undefined;
}

/** Fast.io's public address of a share: its custom name, then a readable form of its title. */
function publicShareUrl(customName: string, title: string | undefined): string {
  const slug = (title ?? "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "");
  const tail = slug === "" ? "" : `/${encodeURIComponent(slug)}`;
  return `https://go.fast.io/shared/${encodeURIComponent(customName)}${tail}`;
}

export const readGuestRows = (payload: unknown): readonly { readonly email: string }[] =>
  (pickRows(payload, ["users", "members", "guests", "items"]) ?? []).flatMap((row) => {
    const email = pickText(row, ["email_address", "email"], ["user", "invite"]);
    return email === undefined ? [] : [{ email }];
  });

export function readWebhook(payload: unknown, operation: string): { readonly id: string; readonly secret?: string } {
  const containers = ["webhook", "outbound_webhook_subscription"];
  const secret = pickText(payload, ["secret", "signing_secret"], containers);
  const id = needText(payload, operation, ["id", "webhook_id"], containers);
  return secret === undefined ? { id } : { id, secret };
}

/** Where the next page of a cursor listing begins; undefined at the end. */
export const readNextCursor = (payload: unknown): string | undefined =>
  pickText(payload, ["next_cursor"], ["pagination"]);

/** Whether an offset listing goes on. Without the flag, a page as long as asked for may have a successor. */
export function hasMore(payload: unknown, rows: number, limit: number): boolean {
  if (rows === 0) return false;
  const flag = at(payload, "pagination.has_more");
  if (typeof flag === "boolean") return flag;
  return flag === "true" || (flag === undefined && rows >= limit);
}
