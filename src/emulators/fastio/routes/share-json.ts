import { idKey } from "../protocol/ids.ts";
import { formatTime } from "../protocol/times.ts";
import { type Share, slugOfShare } from "../store/shares.ts";
import type { World } from "../world.ts";

/** Where a person opens the share. */
export const shareUrl = (world: World, share: Share): string =>
  `${world.links.publicUrl}/shared/${encodeURIComponent(share.customName)}/${slugOfShare(share)}`;

/** A share as members see it, detail level full. */
export function shareJson(world: World, share: Share): Record<string, unknown> {
  const backed = share.folderId !== undefined;
  const folder = backed && share.folderId ? share.drive.nodes.get(idKey(share.folderId)) : undefined;
  return {
    ...share.extras,
    id: share.id,
    title: share.title,
    name: share.title,
    description: share.description ?? null,
    share_type: share.shareType,
    storage_mode: backed ? "workspace_folder" : "independent",
    share_category: backed ? "shared_folder" : "portal",
    folder_node_id: share.folderId ?? null,
    share_root_id: share.folderId ?? "root",
    is_orphaned: backed && (folder === undefined || world.nodes.isTrashed(share.drive, folder)),
    access_options: share.accessOptions,
    custom_name: share.customName,
    share_link: shareUrl(world, share),
    url: shareUrl(world, share),
    password: share.password !== undefined,
    expires: share.expiresMs === undefined ? null : formatTime(share.expiresMs),
    intelligence: share.intelligence,
    archived: share.archived,
    creator: share.creator,
    workspace_id: share.workspaceId,
    parents: { workspace: share.workspaceId, org: share.orgId },
    user_status: "joined",
    created: formatTime(share.createdMs),
    updated: formatTime(share.updatedMs),
  };
}

/** A share as strangers see it. */
export function publicShareJson(world: World, share: Share): Record<string, unknown> {
  const full = shareJson(world, share);
  const shown = ["id", "title", "description", "share_type", "custom_name", "url", "password", "expires", "created"];
  return Object.fromEntries(shown.map((name) => [name, full[name]]));
}
