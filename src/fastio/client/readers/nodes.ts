import type { FastioNode, FastioVersion, SearchHit } from "../../ports/nodes.ts";
import {
  asCount,
  asFlag,
  asNumber,
  asText,
  at,
  type Fields,
  isFields,
  known,
  malformed,
  needText,
  pickRows,
  pickText,
} from "../pick.ts";
import { readTime } from "../read-time.ts";

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
  return {
    id,
    kind: readKind(fields["type"]),
    name: asText(fields["name"]) ?? "",
    parentId: pickText(fields, ["parent", "parent_id"]) ?? "root",
    deleted: isInTrash(fields),
    ...known({
      versionId: pickText(fields, ["version", "version_id"]),
      size: asCount(fields["size"]),
      mimeType: pickText(fields, ["mimetype", "mime_type"]),
      hash: readHash(fields),
      creatorId: pickText(fields, ["origin.creator", "creator"]),
      createdAtMs: readTime(fields["created"]),
      modifiedAtMs: readTime(fields["modified"]),
      virus: readVirus(fields["virus"]),
      lock: readLock(fields),
      indexing: readIndexing(at(fields, "ai.state")),
    }),
  };
}

/** Documentation names md5, the live service sends sha256: without the algorithm a hash says nothing. */
function readHash(fields: Fields): FastioNode["hash"] {
  const value = asText(fields["hash"]);
  return value === undefined ? undefined : { algorithm: asText(fields["hash_algo"]) ?? "unknown", value };
}

const INDEXING: Readonly<Record<string, NonNullable<FastioNode["indexing"]>>> = {
  disabled: "off",
  pending: "pending",
  in_progress: "pending",
  inprogress: "pending",
  ready: "ready",
  indexed: "ready",
  failed: "failed",
};

/** States nobody wrote down are on their way to one that somebody did. */
const readIndexing = (state: unknown): FastioNode["indexing"] =>
  typeof state === "string" && state !== "" ? (INDEXING[state.toLowerCase()] ?? "pending") : undefined;

const SCAN_STATES: Readonly<Record<string, NonNullable<FastioNode["virus"]>>> = {
  unscanned: "unscanned",
  pending: "pending",
  queued: "pending",
  scanning: "pending",
  in_progress: "pending",
  inprogress: "pending",
  infected: "infected",
  quarantined: "infected",
  clean: "clean",
};

/** `{status:"scanned",infected}` in the documentation, `{status:"unscanned"}` on the live service; no other state is known. */
function readVirus(virus: unknown): FastioNode["virus"] {
  const infected = asFlag(at(virus, "infected"));
  if (infected === true) return "infected";
  const state = (asText(at(virus, "status")) ?? asText(virus))?.toLowerCase();
  return (state === undefined ? undefined : SCAN_STATES[state]) ?? (infected === false ? "clean" : undefined);
}

/** No text tells what `lock_info` holds: a flag alone is a lock of which nothing is known. */
function readLock(fields: Fields): FastioNode["lock"] {
  const info = fields["lock_info"];
  if (asFlag(fields["locked"]) !== true && !isFields(info)) return undefined;
  return known({
    holderId: pickText(info, ["user_id", "locked_by", "holder"], ["user"]),
    untilMs: readTime(at(info, "expires") ?? at(info, "expires_at") ?? at(info, "until")),
  });
}

/** Kinds we do not know are treated like links: things that are neither read nor entered. */
const readKind = (type: unknown): FastioNode["kind"] =>
  type === "file" || type === "folder" || type === "note" ? type : "link";

/** `deleted` is a flag or the time of deletion; `deleted_from` stands only on what lies in the trash. */
function isInTrash(fields: Fields): boolean {
  if (fields["parent"] === "trash" || asText(fields["deleted_from"]) !== undefined) return true;
  const deleted = fields["deleted"];
  return deleted === true || (typeof deleted === "string" && !["", "false", "no", "0"].includes(deleted));
}

/** Rows of a bulk answer that failed: the id, and the code as text. */
export const readBatchErrors = (payload: unknown): readonly { readonly nodeId: string; readonly code: string }[] => {
  const rows = at(payload, "errors");
  return (Array.isArray(rows) ? rows : []).flatMap((row) => {
    const nodeId = pickText(row, ["node_id", "id"]);
    return nodeId === undefined ? [] : [{ nodeId, code: asText(at(row, "code")) ?? "" }];
  });
};

export function readVersionRows(payload: unknown, operation: string): readonly FastioVersion[] {
  const rows = pickRows(payload, ["versions", "items", "results"]);
  if (rows === undefined) throw malformed(operation, "no list of versions");
  return rows.map((row) => ({
    id: needText(row, operation, ["id", "version_id", "version"]),
    ...known({
      size: asCount(row["size"]),
      hash: readHash(row),
      createdAtMs: readTime(row["created"]),
      creatorId: pickText(row, ["creator", "origin.creator"]),
      current: asFlag(row["current"]),
    }),
  }));
}

/** Hits come as a map from node id, or as rows that hold the node. */
export function readHits(payload: unknown): readonly SearchHit[] {
  const rows = pickRows(payload, ["files.items", "files", "results", "items"]) ?? [];
  return rows.flatMap((row) => {
    const nodeId = pickText(row, ["id", "node_id", "node.id"]);
    if (nodeId === undefined) return [];
    const matchedBy = row["match_source"];
    return [
      {
        nodeId,
        name: pickText(row, ["name", "node.name"]) ?? "",
        kind: readKind(row["type"] ?? at(row, "node.type")),
        ...known({
          parentId: pickText(row, ["parent_id", "parent", "node.parent"]),
          score: asNumber(row["relevance_score"] ?? row["score"]),
          snippet: pickText(row, ["content_snippet", "content"]),
          matchedBy:
            matchedBy === "keyword" || matchedBy === "semantic" || matchedBy === "both" ? matchedBy : undefined,
        }),
      } satisfies SearchHit,
    ];
  });
}

export const readDownloadToken = (payload: unknown, operation: string): string =>
  needText(payload, operation, ["token", "download_token"], ["download"]);

/** When the address ends, in milliseconds; undefined when it does not say. */
export const readDownloadEnd = (payload: unknown): number | undefined =>
  readTime(at(payload, "expires") ?? at(payload, "download.expires"));

export const readDownloadUrl = (payload: unknown, operation: string): string =>
  needText(payload, operation, ["url", "download_url", "signed_url", "link", "href"], ["download", "file", "node"]);
