import type { Clock } from "../../../clock.ts";
import { conflict, notFound } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";
import { slugOf } from "../protocol/names.ts";
import type { User } from "./accounts.ts";
import type { EventLog } from "./events.ts";
import { ownerOf, type Roster } from "./members.ts";
import { currentVersion, type Drive, type Node } from "./node.ts";
import type { NodeStore } from "./nodes.ts";
import type { Workspace } from "./places.ts";

export const ACCESS_OPTIONS = [
  "Only members of the Share or Workspace",
  "Members of the Share, Workspace or Org",
  "Anyone with a registered account",
  "Anyone with the link",
] as const;

/** What a caller chooses about a share; checked before it gets here. */
export type ShareSettings = {
  title: string;
  description: string | undefined;
  shareType: "send" | "receive" | "exchange";
  accessOptions: (typeof ACCESS_OPTIONS)[number];
  customName: string;
  password: string | undefined;
  expiresMs: number | undefined;
  intelligence: boolean;
  /** Fields that are kept and told again but change nothing here. */
  extras: Record<string, unknown>;
};

export type Share = ShareSettings & {
  readonly id: string;
  readonly workspaceId: string;
  readonly orgId: string;
  readonly creator: string;
  readonly createdMs: number;
  updatedMs: number;
  archived: boolean;
  /** The storage the share shows: its own, or the workspace's. */
  readonly drive: Drive;
  /** Id of the folder that backs it; undefined for a share with storage of its own. */
  readonly folderId: string | undefined;
  readonly members: Roster;
};

export type ShareStore = {
  create(wish: {
    readonly workspace: Workspace;
    readonly workspaceDrive: Drive;
    readonly creator: User;
    /** Folder that backs the share; own storage without one. */
    readonly folderId: string | undefined;
    readonly settings: Omit<ShareSettings, "customName"> & { readonly customName: string | undefined };
  }): Share;
  update(share: Share, changes: Partial<ShareSettings>, userId: string): void;
  archive(share: Share, archived: boolean, userId: string): void;
  /** By id or custom name. @throws {ApiRefusal} 404 */
  get(id: string): Share;
  find(id: string): Share | undefined;
  isNameTaken(customName: string): boolean;
  all(): readonly Share[];
  remove(share: Share, userId: string): void;
};

export const slugOfShare = (share: Share): string => slugOf(share.title);
/** Key of the folder the share shows as its root. */
export const rootKeyOf = (share: Share): string => (share.folderId === undefined ? "root" : idKey(share.folderId));

/** Every file of the share, however deep, with its path inside the share. */
export function filesOf(nodes: NodeStore, share: Share): { readonly path: string; readonly node: Node }[] {
  const found: { path: string; node: Node }[] = [];
  const walk = (folderKey: string, prefix: string): void => {
    for (const node of nodes.childrenOf(share.drive, folderKey)) {
      if (node.type === "folder") walk(idKey(node.id), `${prefix}${node.name}/`);
      else if (currentVersion(node)) found.push({ path: prefix + node.name, node });
    }
  };
  walk(rootKeyOf(share), "");
  return found.sort((a, b) => a.path.localeCompare(b.path));
}

export function createShareStore(deps: {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly events: EventLog;
  readonly nodes: NodeStore;
}): ShareStore {
  const shares = new Map<string, Share>();
  const names = new Map<string, Share>();
  /** Keys of the folders that back a share. */
  const backing = new Set<string>();
  const tell = (share: Share, event: string, userId: string, subCategory = "lifecycle"): void => {
    deps.events.append({
      orgId: share.orgId,
      shareId: share.id,
      homeWorkspaceId: share.workspaceId,
      event,
      category: "share",
      subCategory,
      objectId: share.id,
      userId,
      subject: { name: share.title },
    });
  };
  const find = (id: string): Share | undefined => shares.get(id) ?? names.get(id.toLowerCase());
  const claim = (customName: string, share?: Share): void => {
    const holder = names.get(customName.toLowerCase());
    if (holder && holder !== share)
      throw conflict("The custom name is already in use.", { reason: "custom_name_taken" });
  };

  return {
    create: ({ workspace, workspaceDrive, creator, folderId, settings }) => {
      const customName = settings.customName ?? deps.ids.token(11);
      claim(customName);
      if (folderId !== undefined && backing.has(idKey(folderId)))
        throw conflict("The folder already backs another share.", { reason: "folder_in_use" });
      const id = deps.ids.profile("share");
      const now = deps.clock.now();
      const scope = { orgId: workspace.orgId, shareId: id, homeWorkspaceId: workspace.id };
      const share: Share = {
        ...settings,
        customName,
        id,
        workspaceId: workspace.id,
        orgId: workspace.orgId,
        creator: creator.id,
        createdMs: now,
        updatedMs: now,
        archived: false,
        drive:
          folderId === undefined ? deps.nodes.createDrive("share", id, scope, settings.intelligence) : workspaceDrive,
        folderId,
        members: new Map([ownerOf(creator)]),
      };
      shares.set(id, share);
      if (folderId !== undefined) backing.add(idKey(folderId));
      names.set(customName.toLowerCase(), share);
      tell(share, "share_created", creator.id);
      return share;
    },
    update: (share, changes, userId) => {
      if (changes.customName !== undefined) {
        claim(changes.customName, share);
        names.delete(share.customName.toLowerCase());
        names.set(changes.customName.toLowerCase(), share);
      }
      Object.assign(share, changes, { updatedMs: deps.clock.now() });
      tell(share, "share_updated", userId, "settings");
    },
    archive: (share, archived, userId) => {
      share.archived = archived;
      tell(share, archived ? "share_archived" : "share_unarchived", userId);
    },
    find,
    get: (id) => {
      const share = find(id);
      if (!share) throw notFound("share");
      return share;
    },
    isNameTaken: (customName) => names.has(customName.toLowerCase()),
    all: () => [...shares.values()],
    remove: (share, userId) => {
      shares.delete(share.id);
      if (share.folderId !== undefined) backing.delete(idKey(share.folderId));
      names.delete(share.customName.toLowerCase());
      tell(share, "share_deleted", userId);
    },
  };
}
