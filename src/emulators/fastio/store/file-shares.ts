import type { Clock } from "../../../clock.ts";
import { ApiRefusal, forbidden, notFound, unauthorized } from "../protocol/faults.ts";
import type { IdSource } from "../protocol/ids.ts";
import type { User } from "./accounts.ts";
import type { EventLog, EventScope } from "./events.ts";
import type { Drive, Node } from "./node.ts";

export const FILE_SHARE_ACCESS = ["anyone_with_link", "any_registered", "named_people"] as const;
/** Each one holds those before it. */
export const CAPABILITIES = ["view", "download", "edit"] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** A durable link to one file. */
export type FileShare = {
  readonly id: string;
  readonly workspaceId: string;
  readonly scope: EventScope;
  readonly drive: Drive;
  readonly node: Node;
  readonly creator: string;
  readonly createdMs: number;
  title: string;
  accessOption: (typeof FILE_SHARE_ACCESS)[number];
  password: string | undefined;
  expiresMs: number | undefined;
  /** What named people may do, by lower-case e-mail address. */
  readonly grants: Map<string, { readonly email: string; readonly userId: string | undefined; capability: Capability }>;
};

export type FileShareSettings = Pick<FileShare, "title" | "accessOption" | "password" | "expiresMs">;

export type FileShareStore = {
  create(wish: FileShareSettings & Pick<FileShare, "workspaceId" | "scope" | "drive" | "node" | "creator">): FileShare;
  find(id: string): FileShare | undefined;
  /** @throws {ApiRefusal} 404 */
  get(id: string): FileShare;
  list(workspaceId: string): readonly FileShare[];
  update(share: FileShare, changes: Partial<FileShareSettings>, userId: string): void;
  remove(share: FileShare, userId: string): void;
  grant(
    share: FileShare,
    who: { readonly email: string; readonly userId: string | undefined },
    capability: Capability,
    userId: string,
  ): void;
  /** @throws {ApiRefusal} 404 */
  revoke(share: FileShare, email: string, userId: string): void;
  /**
   * What a visitor may do.
   * @throws {ApiRefusal} 401 without the password or the sign-in it needs, 403 for strangers, 404 once it is over
   */
  capabilityOf(
    share: FileShare,
    visitor: { readonly user: User | undefined; readonly member: boolean; readonly password: string | undefined },
  ): Capability;
  tell(share: FileShare, event: string, userId: string | undefined): void;
};

export function createFileShareStore(deps: {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly events: EventLog;
}): FileShareStore {
  const shares = new Map<string, FileShare>();
  const tell: FileShareStore["tell"] = (share, event, userId) => {
    deps.events.append({
      ...share.scope,
      event: `file_share_${event}`,
      category: "workspace",
      subCategory: "fileshare",
      objectId: share.id,
      userId,
      subject: { name: share.title },
    });
  };
  return {
    create: (wish) => {
      const id = deps.ids.profile("share");
      const share: FileShare = { ...wish, id, createdMs: deps.clock.now(), grants: new Map() };
      shares.set(id, share);
      tell(share, "created", wish.creator);
      return share;
    },
    find: (id) => shares.get(id),
    get: (id) => {
      const share = shares.get(id);
      if (!share) throw notFound("file share");
      return share;
    },
    list: (workspaceId) => [...shares.values()].filter((one) => one.workspaceId === workspaceId),
    update: (share, changes, userId) => {
      Object.assign(share, changes);
      tell(share, "updated", userId);
    },
    remove: (share, userId) => {
      shares.delete(share.id);
      tell(share, "deleted", userId);
    },
    grant: (share, { email, userId: granted }, capability, userId) => {
      share.grants.set(email.toLowerCase(), { email, userId: granted, capability });
      tell(share, "access_granted", userId);
    },
    revoke: (share, email, userId) => {
      if (!share.grants.delete(email.toLowerCase())) throw notFound("grant");
      tell(share, "access_revoked", userId);
    },
    capabilityOf: (share, { user, member, password }) => {
      if (member) return "edit";
      const over = share.expiresMs !== undefined && share.expiresMs <= deps.clock.now();
      if (over) throw notFound("file share");
      if (share.password !== undefined && password !== share.password)
        throw new ApiRefusal(401, 1650, "The password is missing or wrong.");
      const named = user && share.grants.get(user.email.toLowerCase());
      if (named) return named.capability;
      if (share.accessOption === "anyone_with_link") return "download";
      if (!user) throw unauthorized();
      if (share.accessOption === "any_registered") return "download";
      throw forbidden();
    },
    tell,
  };
}
