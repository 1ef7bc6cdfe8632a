import type { FileShare, FileShareGrant } from "../../ports/file-shares.ts";
import type { FastioShare, ShareAccess } from "../../ports/shares.ts";
import { sharePageUrl } from "../../web-links.ts";
import { asFlag, asText, at, known, malformed, needText, pickRows, pickText } from "../pick.ts";
import { readTime } from "../read-time.ts";
import { accessOf } from "../share-form.ts";

export function readShareRows(payload: unknown, operation: string): readonly FastioShare[] {
  const rows = pickRows(payload, ["shares", "items", "data", "results"]);
  if (rows === undefined) throw malformed(operation, "no list of shares");
  return rows.map((row) => readShare(row, operation));
}

export function readShare(payload: unknown, operation: string): FastioShare {
  const id = needText(payload, operation, ["share.id", "share.share_id", "id", "share_id"]);
  const text = (...keys: string[]) => pickText(payload, keys, ["share"]);
  const value = (key: string) => at(payload, key) ?? at(payload, `share.${key}`);
  const title = text("title", "name");
  const customName = text("custom_name");
  const type = text("share_type");
  return {
    id,
    ...known({
      workspaceId: readHome(payload, text),
      title,
      url: findShareUrl(payload) ?? (customName === undefined ? undefined : sharePageUrl(customName, title)),
      customName,
      folderNodeId: text("folder_node_id"),
      type: type === "send" || type === "receive" || type === "exchange" ? type : undefined,
      access: accessOf(text("access_options")),
      storage: readStorage(text("storage_mode", "share_category")),
      description: text("description"),
      hasPassword: readHasPassword(value("password")),
      expiresAtMs: readTime(value("expires")),
      archived: asFlag(value("archived")),
      orphaned: asFlag(value("is_orphaned")),
    }),
  };
}

/** The workspace, told directly or among the parents; no text shows how those look. */
function readHome(payload: unknown, text: (...keys: string[]) => string | undefined): string | undefined {
  const direct = text("workspace_id", "parents.workspace", "parents.workspace_id", "parents.workspace.id");
  if (direct !== undefined) return direct;
  const parents = at(payload, "share.parents") ?? at(payload, "parents");
  const home = Array.isArray(parents) ? parents.find((one) => asText(at(one, "type")) === "workspace") : undefined;
  return pickText(home, ["id", "workspace_id"]);
}

/** Both pairs of names, and the older name of the first. */
function readStorage(text: string | undefined): FastioShare["storage"] {
  if (text === "workspace_folder" || text === "shared_folder") return "folder";
  return text === "independent" || text === "room" || text === "portal" ? "own" : undefined;
}

/** A flag, or the password itself in some form; either way nothing of it is kept. */
const readHasPassword = (value: unknown): boolean | undefined =>
  value === undefined ? undefined : (asFlag(value) ?? asText(value) !== undefined);

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

const FILE_SHARE_ACCESS: Readonly<Record<string, Exclude<ShareAccess, "org">>> = {
  anyone_with_link: "link",
  any_registered: "registered",
  named_people: "named",
};

export function readFileShare(payload: unknown, operation: string): FileShare {
  const text = (...keys: string[]) => pickText(payload, keys, ["fileshare", "file_share"]);
  return {
    id: needText(payload, operation, ["fileshare.id", "file_share.id", "id"]),
    ...known({
      title: text("title"),
      url: findShareUrl({ share: at(payload, "fileshare") ?? at(payload, "file_share") ?? payload }),
      nodeId: text("node", "node_id"),
      access: FILE_SHARE_ACCESS[text("access_option") ?? ""],
      expiresAtMs: readTime(text("expires_at", "expires")),
    }),
  };
}

export const readFileShareRows = (payload: unknown, operation: string): readonly FileShare[] =>
  (pickRows(payload, ["fileshares", "file_shares", "items"]) ?? []).map((row) => readFileShare(row, operation));

export const readGrantRows = (payload: unknown): readonly FileShareGrant[] =>
  (pickRows(payload, ["grants", "items"]) ?? []).map((row) =>
    known({
      userId: pickText(row, ["user_id", "id"], ["user"]),
      email: pickText(row, ["email", "email_address"], ["user"]),
      capability: asText(row["capability"]),
    }),
  );
