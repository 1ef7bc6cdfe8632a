import { needAdmin } from "../http/access.ts";
import { ok, type Route } from "../http/route.ts";
import { ApiRefusal, conflict } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import { formatTime } from "../protocol/times.ts";
import type { User } from "../store/accounts.ts";
import { membershipOf } from "../store/members.ts";
import type { Transfer } from "../store/transfers.ts";
import type { World } from "../world.ts";

/** Handing an organisation over: whoever claims the token becomes the owner, the agent stays an admin. */
export function transferRoutes(world: World): readonly Route[] {
  const { transfers, places } = world;

  const transferJson = (transfer: Transfer): Record<string, unknown> => ({
    id: transfer.id,
    token_id: transfer.id,
    token: transfer.token,
    claim_url: `${world.links.publicUrl}/claim?token=${transfer.token}`,
    created: formatTime(transfer.createdMs),
    expires: formatTime(transfer.expiresMs),
  });
  const tell = (orgId: string, event: string, userId: string, objectId: string): void => {
    world.events.append({ orgId, event, category: "org", subCategory: "transfer", objectId, userId });
  };
  const needOwner = (user: User, orgId: string): void => {
    needAdmin(world, user, "org", orgId, true);
    if (!user.agent) throw new ApiRefusal(403, 1670, "Only agent accounts hand an organisation over.");
  };

  return [
    {
      method: "POST",
      path: "/org/:org/transfer/token/create/",
      dialect: "both",
      handle: async (call) => {
        await call.anyForm();
        const { id } = places.org(call.param("org"));
        needOwner(call.user(), id);
        const transfer = transfers.create(id, call.user().id);
        tell(id, "org_transfer_token_created", call.user().id, transfer.id);
        return ok(transferJson(transfer));
      },
    },
    {
      method: "GET",
      path: "/org/:org/transfer/token/list/",
      dialect: "both",
      handle: (call) => {
        const { id } = places.org(call.param("org"));
        needOwner(call.user(), id);
        return ok({ tokens: transfers.list(id).map(transferJson) });
      },
    },
    {
      method: "DELETE",
      path: "/org/:org/transfer/token/:token/",
      dialect: "both",
      handle: (call) => {
        const { id } = places.org(call.param("org"));
        needOwner(call.user(), id);
        transfers.remove(id, call.param("token"));
        return ok();
      },
    },
    {
      method: "POST",
      path: "/org/transfer/claim/",
      dialect: "both",
      handle: async (call) => {
        const read = readFields(await call.form());
        const token = read.required("token", { mistaken: ["transfer_token", "code"] });
        read.done();
        const user = call.user();
        const open = places.orgs().find((org) => transfers.list(org.id).some((one) => one.token === token));
        if (open && membershipOf(open.members, user, world.time.now())?.permissions === "owner")
          throw conflict("The organisation is yours already.", { reason: "already_owner" });
        const org = places.org(transfers.claim(token).orgId);
        for (const member of org.members.values()) if (member.permissions === "owner") member.permissions = "admin";
        const owner = { id: user.id, email: user.email, status: "active", permissions: "owner", invite: null } as const;
        org.members.set(user.email.toLowerCase(), { ...owner });
        tell(org.id, "org_transfer_completed", user.id, org.id);
        return ok({ org: { id: org.id, domain: org.domain, name: org.name } });
      },
    },
  ];
}
