import type { Clock } from "../../../clock.ts";
import { conflict, notFound } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";
import { slugOf } from "../protocol/names.ts";
import type { Accounts, User } from "./accounts.ts";
import type { EventLog } from "./events.ts";
import { currentVersion, type Drive, type Node, type NodeStore } from "./nodes.ts";
import type { Workspace } from "./places.ts";

export const ACCESS_OPTIONS = [
  "Only members of the Share or Workspace",
  "Members of the Share, Workspace or Org",
  "Anyone with a registered account",
  "Anyone with the link",
] as const;

export type Member = {
  /** User id; for a pending member the id of the invitation. */
  readonly id: string;
  readonly email: string;
  readonly status: "active" | "pending";
  permissions: "owner" | "admin" | "member" | "guest" | "view";
  readonly invite: { readonly id: string; readonly createdMs: number; readonly expiresMs: number | undefined } | null;
};

/** An invitation mail that Fast.io would have sent. */
export type Invitation = {
  readonly id: string;
  readonly shareId: string;
  readonly email: string;
  readonly permissions: string;
  readonly message: string | undefined;
  readonly createdMs: number;
  readonly invitedBy: string;
};

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
  readonly members: Map<string, Member>;
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
  /** A known account becomes a member at once; anybody else is invited. Repeating it changes permissions only. */
  addMember(
    share: Share,
    who: string,
    by: User,
    options: {
      readonly permissions: Member["permissions"];
      readonly message: string | undefined;
      readonly expiresMs: number | undefined;
    },
  ): Member;
  removeMember(share: Share, who: string, userId: string): void;
  invitations(): readonly Invitation[];
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
  readonly accounts: Accounts;
}): ShareStore {
  const shares = new Map<string, Share>();
  const names = new Map<string, Share>();
  const invitations: Invitation[] = [];
  const tell = (
    share: Share,
    event: string,
    userId: string,
    options: { readonly objectId?: string; readonly category?: string; readonly subCategory?: string } = {},
  ): void => {
    deps.events.append({
      orgId: share.orgId,
      shareId: share.id,
      homeWorkspaceId: share.workspaceId,
      event,
      category: options.category ?? "share",
      subCategory: options.subCategory ?? "lifecycle",
      objectId: options.objectId ?? share.id,
      userId,
      subject: { name: share.title },
      ...(options.subCategory === "members" ? { activity: "members" } : {}),
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
      const rival =
        folderId && [...shares.values()].find((one) => one.folderId && idKey(one.folderId) === idKey(folderId));
      if (rival) throw conflict("The folder already backs another share.", { reason: "folder_in_use" });
      const id = deps.ids.profile("share");
      const now = deps.clock.now();
      const scope = { orgId: workspace.orgId, shareId: id, homeWorkspaceId: workspace.id };
      const owner: Member = {
        id: creator.id,
        email: creator.email,
        status: "active",
        permissions: "owner",
        invite: null,
      };
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
        members: new Map([[creator.email.toLowerCase(), owner]]),
      };
      shares.set(id, share);
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
      tell(share, "share_updated", userId, { subCategory: "settings" });
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
      names.delete(share.customName.toLowerCase());
      tell(share, "share_deleted", userId);
    },
    addMember: (share, who, by, options) => {
      const account = deps.accounts.find(who);
      const key = (account?.email ?? who).toLowerCase();
      const present = share.members.get(key);
      if (present) {
        if (present.permissions !== "owner") present.permissions = options.permissions;
        return present;
      }
      const now = deps.clock.now();
      const invitationId = deps.ids.opaque("a");
      const member: Member = account
        ? { id: account.id, email: account.email, status: "active", permissions: options.permissions, invite: null }
        : {
            id: invitationId,
            email: who,
            status: "pending",
            permissions: options.permissions,
            invite: { id: invitationId, createdMs: now, expiresMs: options.expiresMs },
          };
      share.members.set(key, member);
      if (account) {
        tell(share, "added_member_to_share", by.id, { objectId: account.id, subCategory: "members" });
        return member;
      }
      invitations.push({
        id: invitationId,
        shareId: share.id,
        email: who,
        permissions: options.permissions,
        message: options.message,
        createdMs: now,
        invitedBy: by.id,
      });
      tell(share, "invitation_email_sent", by.id, {
        objectId: invitationId,
        category: "invitation",
        subCategory: "members",
      });
      return member;
    },
    removeMember: (share, who, userId) => {
      const member = [...share.members.values()].find(
        (one) => one.id === who || one.email.toLowerCase() === who.toLowerCase(),
      );
      if (!member || member.permissions === "owner") throw notFound("member");
      share.members.delete(member.email.toLowerCase());
      tell(share, "removed_member_from_share", userId, { objectId: member.id, subCategory: "members" });
    },
    invitations: () => invitations,
  };
}
