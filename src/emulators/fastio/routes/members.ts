import { needAdmin } from "../http/access.ts";
import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { forbidden, invalidField, notFound } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import { type Group, membershipOf, PERMISSIONS } from "../store/members.ts";
import type { World } from "../world.ts";
import { groupOf, invitationJson, memberJson } from "./groups.ts";
import { pageOf } from "./paging.ts";

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const NOTIFY_MAX = 100;

type GroupHandler = (call: Call, group: Group) => Answer | Promise<Answer>;

/** Members and invitations of organisations, workspaces and shares: the same routes three times. */
export function memberRoutes(world: World): readonly Route[] {
  const { members } = world;

  const under = (
    method: string,
    tail: string,
    handle: GroupHandler,
    more: Partial<Pick<Route, "stranger" | "readers">> = {},
  ): readonly Route[] =>
    (["org", "workspace", "share"] as const).map((kind) => ({
      method,
      path: `/${kind}/:group/${tail}`,
      dialect: "both",
      ...more,
      handle: (call) => handle(call, groupOf(world, kind, call.param("group"))),
    }));

  const add: GroupHandler = async (call, group) => {
    const who = call.param("who");
    const read = readFields(await call.form());
    const options = {
      permissions: read.choice("permissions", PERMISSIONS) ?? "member",
      message: read.optional("message", { max: 2_000 }),
      expiresMs: read.time("invitation_expires"),
      memberUntilMs: read.time("expires"),
      notify: read.optional("notify_options", { max: NOTIFY_MAX }),
    };
    read.bool("force_notification");
    read.done();
    if (!world.accounts.find(who) && !EMAIL.test(who))
      throw invalidField("email_or_id", "This is neither an e-mail address nor a known user.");
    return ok({ member: memberJson(members.add(group, who, call.user(), options)) });
  };
  const update: GroupHandler = async (call, group) => {
    needAdmin(world, call.user(), group.kind, group.id);
    const fields = await call.form();
    const read = readFields(fields);
    const permissions = read.choice("permissions", PERMISSIONS);
    const notify = read.optional("notify_options", { max: NOTIFY_MAX });
    const expiresMs = read.time("expires");
    if (fields.size === 0) read.wrong("permissions", "An update changes something.");
    read.done();
    const member = members.get(group, call.param("member"));
    const changes = {
      ...(permissions === undefined ? {} : { permissions }),
      ...(notify === undefined ? {} : { notify }),
      ...(fields.has("expires") ? { expiresMs } : {}),
    };
    members.update(group, member, changes, call.user());
    return ok({ member: memberJson(member) });
  };
  const remove: GroupHandler = (call, group) => {
    const user = call.user();
    const member = members.get(group, call.param("who"));
    if (member.id !== user.id) needAdmin(world, user, group.kind, group.id);
    members.remove(group, call.param("who"), user);
    return ok();
  };
  const join: GroupHandler = async (call, group) => {
    await call.anyForm();
    const user = call.user();
    const present = membershipOf(group.members, user, world.time.now());
    if (present) return ok({ member: memberJson(present) });
    // Whoever is in the organisation may join its workspaces, and workspace members their shares.
    const above = groupAbove(world, group);
    if (!above || !membershipOf(above.members, user, world.time.now())) throw forbidden();
    return ok({ member: memberJson(members.join(group, user, "member")) });
  };
  const answerInvitation =
    (accepted: boolean): GroupHandler =>
    (call, group) => {
      members.answer(group, members.invitation(group.id, call.param("key")), call.user(), accepted);
      return ok();
    };
  const listInvitations: GroupHandler = (call, group) => {
    const state = call.hasParam("state") ? call.param("state") : "pending";
    const rows = members.invitations({ profileId: group.id }).filter((one) => one.state === state);
    const { items, pagination } = pageOf(call.query, rows);
    return ok({ invitations: items.map(invitationJson), pagination });
  };

  return [
    ...under("POST", "members/:who/", add),
    ...under("DELETE", "members/:who/", remove, { readers: true }),
    ...under("GET", "members/list/", (call, group) => {
      const { items, pagination } = pageOf(call.query, [...group.members.values()]);
      return ok({ users: items.map(memberJson), pagination });
    }),
    ...under("GET", "member/:member/details/", (call, group) =>
      ok({ member: memberJson(members.get(group, call.param("member"))) }),
    ),
    ...under("POST", "member/:member/update/", update),
    ...under("POST", "member/:member/transfer_ownership/", (call, group) => {
      needAdmin(world, call.user(), group.kind, group.id, true);
      members.transfer(group, members.get(group, call.param("member")), call.user());
      return ok();
    }),
    ...under(
      "DELETE",
      "member/",
      (call, group) => {
        members.remove(group, call.user().id, call.user());
        return ok();
      },
      { readers: true },
    ),
    ...under("POST", "members/join/", join, { stranger: true }),
    ...under("POST", "members/join/:key/accept/", answerInvitation(true), { stranger: true }),
    ...under("POST", "members/join/:key/decline/", answerInvitation(false), { stranger: true }),
    ...under("GET", "members/invitations/list/", listInvitations),
    ...under("GET", "members/invitations/list/:state/", listInvitations),
    ...under("POST", "members/invitation/:invitation/", async (call, group) => {
      needAdmin(world, call.user(), group.kind, group.id);
      const invitation = members.invitation(group.id, call.param("invitation"));
      const fields = await call.form();
      const read = readFields(fields);
      const permissions = read.choice("permissions", PERMISSIONS);
      const expiresMs = read.time("expires");
      read.done();
      Object.assign(invitation, permissions && { permissions }, fields.has("expires") && { expiresMs });
      return ok({ invitation: invitationJson(invitation) });
    }),
    ...under("DELETE", "members/invitation/:invitation/", (call, group) => {
      needAdmin(world, call.user(), group.kind, group.id);
      const invitation = members.invitation(group.id, call.param("invitation"));
      if (invitation.state !== "pending") throw notFound("invitation");
      members.revoke(group, invitation);
      return ok();
    }),
    {
      method: "GET",
      path: "/user/invitations/list/",
      dialect: "both",
      handle: (call) => {
        const rows = members.invitations({ email: call.user().email, state: "pending" });
        const { items, pagination } = pageOf(call.query, rows);
        return ok({ invitations: items.map(invitationJson), pagination });
      },
    },
    {
      method: "POST",
      path: "/user/invitations/acceptall/",
      dialect: "both",
      handle: (call) => {
        const mine = members.invitations({ email: call.user().email, state: "pending" });
        for (const one of mine) members.answer(groupOf(world, one.kind, one.profileId), one, call.user(), true);
        return ok({ accepted: mine.length });
      },
    },
  ];
}

function groupAbove(world: World, group: Group): Group | undefined {
  if (group.kind === "workspace") return groupOf(world, "org", group.scope.orgId);
  const home = group.scope.homeWorkspaceId;
  return group.kind === "share" && home !== undefined ? groupOf(world, "workspace", home) : undefined;
}
