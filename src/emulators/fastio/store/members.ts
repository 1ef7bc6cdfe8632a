import type { Clock } from "../../../clock.ts";
import { ApiRefusal, notFound } from "../protocol/faults.ts";
import { type IdSource, idKey } from "../protocol/ids.ts";
import type { Accounts, User } from "./accounts.ts";
import type { EventLog, EventScope } from "./events.ts";

export const PERMISSIONS = ["admin", "member", "guest", "view"] as const;
export type Permissions = "owner" | (typeof PERMISSIONS)[number];

export type Member = {
  /** User id; for a pending member the id of the invitation. */
  readonly id: string;
  readonly email: string;
  readonly status: "active" | "pending";
  permissions: Permissions;
  expiresMs?: number | undefined;
  notify?: string | undefined;
  readonly invite: { readonly id: string; readonly createdMs: number; readonly expiresMs: number | undefined } | null;
};

/** Members by lower-case e-mail address. */
export type Roster = Map<string, Member>;

/** Something with members. */
export type Group = {
  readonly kind: "org" | "workspace" | "share";
  readonly id: string;
  readonly name: string;
  readonly scope: EventScope;
  readonly members: Roster;
};

/** An invitation mail that Fast.io would have sent. */
export type Invitation = {
  readonly id: string;
  readonly kind: Group["kind"];
  readonly profileId: string;
  readonly email: string;
  permissions: Permissions;
  readonly message: string | undefined;
  readonly createdMs: number;
  expiresMs: number | undefined;
  readonly invitedBy: string;
  state: "pending" | "accepted" | "declined" | "revoked";
};

export type AddOptions = {
  readonly permissions: Permissions;
  readonly message: string | undefined;
  /** When an invitation stops working. */
  readonly expiresMs: number | undefined;
  /** When the membership itself ends. */
  readonly memberUntilMs?: number | undefined;
  readonly notify?: string | undefined;
};

export type MemberStore = {
  /** A known account becomes a member at once; anybody else is invited. Repeating it changes permissions only. */
  add(group: Group, who: string, by: User, options: AddOptions): Member;
  /** By user id, invitation id or e-mail address. @throws {ApiRefusal} 404 */
  get(group: Group, who: string): Member;
  update(
    group: Group,
    member: Member,
    changes: Partial<Pick<Member, "permissions" | "expiresMs" | "notify">>,
    by: User,
  ): void;
  /** @throws {ApiRefusal} 404 for the owner, who cannot be removed */
  remove(group: Group, who: string, by: User): void;
  join(group: Group, user: User, permissions: Permissions): Member;
  /** The owner becomes an admin, the member the owner. */
  transfer(group: Group, member: Member, by: User): void;
  invitations(filter?: Partial<Pick<Invitation, "profileId" | "email" | "state">>): readonly Invitation[];
  /** @throws {ApiRefusal} 404 */
  invitation(profileId: string, id: string): Invitation;
  answer(group: Group, invitation: Invitation, user: User, accepted: boolean): void;
  revoke(group: Group, invitation: Invitation): void;
};

export const ownerOf = (user: User): readonly [string, Member] => [
  user.email.toLowerCase(),
  { id: user.id, email: user.email, status: "active", permissions: "owner", invite: null },
];

/** The live membership of a user; undefined for strangers, invited ones and members whose time is over. */
export function membershipOf(roster: Roster, user: User, nowMs: number): Member | undefined {
  const member = roster.get(user.email.toLowerCase());
  if (member?.status !== "active") return undefined;
  return member.expiresMs !== undefined && member.expiresMs <= nowMs ? undefined : member;
}

export function createMemberStore(deps: {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly events: EventLog;
  readonly accounts: Accounts;
}): MemberStore {
  const invitations: Invitation[] = [];
  const tell = (group: Group, event: string, by: User, objectId: string, category: string = group.kind): void => {
    deps.events.append({
      ...group.scope,
      event,
      category,
      subCategory: "members",
      objectId,
      userId: by.id,
      activity: "members",
      subject: { name: group.name },
    });
  };
  const active = (user: User, permissions: Permissions, options?: AddOptions): Member => ({
    id: user.id,
    email: user.email,
    status: "active",
    permissions,
    expiresMs: options?.memberUntilMs,
    notify: options?.notify,
    invite: null,
  });
  const find = (group: Group, who: string): Member | undefined =>
    [...group.members.values()].find(
      (one) => one.id === who || idKey(one.id) === idKey(who) || one.email.toLowerCase() === who.toLowerCase(),
    );
  const get: MemberStore["get"] = (group, who) => {
    const member = find(group, who);
    if (!member) throw notFound("member");
    return member;
  };
  const join: MemberStore["join"] = (group, user, permissions) => {
    const member = active(user, permissions);
    group.members.set(user.email.toLowerCase(), member);
    tell(group, `added_member_to_${group.kind}`, user, user.id);
    return member;
  };

  return {
    add: (group, who, by, options) => {
      const account = deps.accounts.find(who);
      const key = (account?.email ?? who).toLowerCase();
      const present = group.members.get(key);
      if (present) {
        if (present.permissions !== "owner") present.permissions = options.permissions;
        return present;
      }
      if (account) {
        const member = active(account, options.permissions, options);
        group.members.set(key, member);
        tell(group, `added_member_to_${group.kind}`, by, account.id);
        return member;
      }
      const invitation: Invitation = {
        id: deps.ids.opaque("a"),
        kind: group.kind,
        profileId: group.id,
        email: who,
        permissions: options.permissions,
        message: options.message,
        createdMs: deps.clock.now(),
        expiresMs: options.expiresMs,
        invitedBy: by.id,
        state: "pending",
      };
      invitations.push(invitation);
      const { id, createdMs, expiresMs } = invitation;
      const invite = { id, createdMs, expiresMs };
      const member: Member = {
        ...active({ ...by, id, email: who }, options.permissions, options),
        status: "pending",
        invite,
      };
      group.members.set(key, member);
      tell(group, "invitation_email_sent", by, id, "invitation");
      return member;
    },
    get,
    update: (group, member, changes, by) => {
      if (member.permissions === "owner" && changes.permissions !== undefined)
        throw new ApiRefusal(403, 1670, "The owner stays the owner; transfer the ownership instead.");
      Object.assign(member, changes);
      tell(group, "membership_updated", by, member.id);
    },
    remove: (group, who, by) => {
      const member = get(group, who);
      if (member.permissions === "owner") throw notFound("member");
      group.members.delete(member.email.toLowerCase());
      const invitation = invitations.find((one) => one.id === member.invite?.id);
      if (invitation?.state === "pending") invitation.state = "revoked";
      tell(group, `removed_member_from_${group.kind}`, by, member.id);
    },
    join,
    transfer: (group, member, by) => {
      if (member.status !== "active") throw notFound("member");
      for (const one of group.members.values()) if (one.permissions === "owner") one.permissions = "admin";
      member.permissions = "owner";
      tell(group, "membership_updated", by, member.id);
    },
    invitations: (filter = {}) =>
      invitations.filter(
        (one) =>
          (filter.profileId === undefined || one.profileId === filter.profileId) &&
          (filter.email === undefined || one.email.toLowerCase() === filter.email.toLowerCase()) &&
          (filter.state === undefined || one.state === filter.state),
      ),
    invitation: (profileId, id) => {
      const found = invitations.find((one) => one.profileId === profileId && idKey(one.id) === idKey(id));
      if (!found) throw notFound("invitation");
      return found;
    },
    answer: (group, invitation, user, accepted) => {
      const over = invitation.expiresMs !== undefined && invitation.expiresMs <= deps.clock.now();
      if (invitation.state !== "pending" || over || invitation.email.toLowerCase() !== user.email.toLowerCase())
        throw notFound("invitation");
      invitation.state = accepted ? "accepted" : "declined";
      group.members.delete(invitation.email.toLowerCase());
      if (accepted) group.members.set(user.email.toLowerCase(), active(user, invitation.permissions));
      tell(group, accepted ? "invitation_accepted" : "invitation_declined", user, invitation.id, "invitation");
    },
    revoke: (group, invitation) => {
      if (invitation.state === "pending") group.members.delete(invitation.email.toLowerCase());
      invitation.state = "revoked";
    },
  };
}
