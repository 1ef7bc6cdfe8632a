import { idKey } from "../protocol/ids.ts";
import { mimeOf } from "../protocol/mime.ts";
import { formatTime } from "../protocol/times.ts";
import type { ScanState } from "./node.ts";
import { currentVersion, type Node, type NodeLock, type Version } from "./node.ts";

/** A node the way the API tells it, detail level full. `rootKey` is the folder a share shows as its root. */
export function nodeJson(node: Node, rootKey = "root"): Record<string, unknown> {
  const version = currentVersion(node);
  return {
    id: node.id,
    type: node.type,
    name: node.name,
    parent: idKey(node.parentId) === rootKey ? "root" : node.parentId,
    created: formatTime(node.createdMs),
    modified: formatTime(node.modifiedMs),
    restricted: false,
    dmca: false,
    locked: node.lock !== undefined,
    lock_info: node.lock ? lockJson(node.lock) : null,
    is_imported: false,
    deleted: node.trashed ? formatTime(node.trashed.atMs) : null,
    deleted_from: node.trashed?.from ?? null,
    ...(node.target === undefined ? {} : { target_type: "share", target_id: node.target }),
    ...(version === undefined ? {} : versionFields(version)),
    ...(version === undefined || node.type !== "file" ? {} : fileFields(node, version)),
  };
}

/** What notes tell too. */
const versionFields = ({ id, index }: Version): Record<string, unknown> => ({
  version: id,
  ai: { state: index, attach: index === "ready", summary: index === "ready" },
});

function fileFields(node: Node, version: Version): Record<string, unknown> {
  const mime = mimeOf(node.name);
  return {
    size: version.size,
    hash: version.sha256,
    hash_algo: "sha256",
    mimetype: mime.mimetype,
    mimecategory: mime.category,
    virus: virusJson(version.scan),
    previews: { thumbnail: { state: "not generated" } },
    metadata: node.details ? { title: node.details.title ?? null, short: node.details.short ?? null } : null,
    origin: {
      type: "chunked",
      creator: version.creator ?? null,
      upload_session_id: version.uploadId?.replaceAll("-", "") ?? null,
    },
  };
}

/** Unscanned as the live service tells it, scanned as the documentation does; how a scan under way looks is a guess. */
function virusJson(scan: ScanState): Record<string, unknown> {
  if (scan === "unscanned") return { status: "unscanned", reason: "scan not run" };
  return scan === "pending" ? { status: "pending" } : { status: "scanned", infected: scan === "infected" };
}

export const versionJson = (version: Version, current: boolean): Record<string, unknown> => ({
  id: version.id,
  size: version.size,
  hash: version.sha256,
  hash_algo: "sha256",
  created: formatTime(version.createdMs),
  creator: version.creator ?? null,
  current,
});

/** A lock without its token. */
export const lockJson = (lock: NodeLock): Record<string, unknown> => ({
  user_id: lock.userId,
  client_info: lock.clientInfo ?? null,
  acquired: formatTime(lock.sinceMs),
  expires: formatTime(lock.untilMs),
});
