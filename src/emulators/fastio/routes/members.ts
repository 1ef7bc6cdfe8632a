import { ok, type Route } from "../http/route.ts";
import { invalidField } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import type { World } from "../world.ts";
import { pageOf } from "./paging.ts";
import { memberJson } from "./share-json.ts";

const PERMISSIONS = ["admin", "member", "guest", "view"] as const;
const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;

export function memberRoutes(world: World): readonly Route[] {
  const { shares } = world;
  return [
    {
      method: "POST",
      path: "/share/:share/members/:who/",
      dialect: "both",
      handle: async (call) => {
        const share = shares.get(call.param("share"));
        const who = call.param("who");
        const read = readFields(await call.form());
        const permissions = read.choice("permissions", PERMISSIONS) ?? "member";
        const message = read.optional("message", { max: 2_000 });
        const expiresMs = read.time("invitation_expires");
        read.time("expires");
        read.bool("force_notification");
        read.done();
        if (!world.accounts.find(who) && !EMAIL.test(who))
          throw invalidField("email_or_id", "This is neither an e-mail address nor a known user.");
        const member = shares.addMember(share, who, call.user(), { permissions, message, expiresMs });
        return ok({ member: memberJson(member) });
      },
    },
    {
      method: "GET",
      path: "/share/:share/members/list/",
      dialect: "both",
      handle: (call) => {
        const members = [...shares.get(call.param("share")).members.values()];
        const { items, pagination } = pageOf(call.query, members);
        return ok({ users: items.map(memberJson), pagination });
      },
    },
    {
      method: "DELETE",
      path: "/share/:share/members/:who/",
      dialect: "both",
      handle: (call) => {
        shares.removeMember(shares.get(call.param("share")), call.param("who"), call.user().id);
        return ok();
      },
    },
    {
      method: "GET",
      path: "/share/:share/members/invitations/list/",
      dialect: "both",
      handle: (call) => {
        const { id } = shares.get(call.param("share"));
        const rows = world.shares.invitations().filter((invitation) => invitation.shareId === id);
        const { items, pagination } = pageOf(call.query, rows);
        return ok({
          invitations: items.map(({ id: invitation, email, permissions }) => ({ id: invitation, email, permissions })),
          pagination,
        });
      },
    },
  ];
}
