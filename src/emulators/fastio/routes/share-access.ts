import { checkAccess } from "../http/access.ts";
import { ok, type Route } from "../http/route.ts";
import { ApiRefusal, conflict } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import { nodeJson } from "../store/node-json.ts";
import type { Share } from "../store/shares.ts";
import type { World } from "../world.ts";
import { workspaceDrive } from "./place.ts";

/** Ways into a share without an account, and into another workspace. */
export function shareAccessRoutes(world: World): readonly Route[] {
  const { shares, knobs } = world;

  /** @throws {ApiRefusal} 403 unless the link alone opens the share */
  const needOpenLink = (share: Share): void => {
    const over = share.archived || (share.expiresMs !== undefined && share.expiresMs <= world.time.now());
    if (over) throw new ApiRefusal(403, 1670, "The share is no longer open.", { reason: "share_over" });
    if (share.accessOptions !== "Anyone with the link")
      throw new ApiRefusal(403, 1680, "The share is for members only.", { reason: "members_only" });
  };
  const letIn = (share: Share) => {
    const token = world.accounts.openGuest(share.id, knobs.sessionSeconds);
    return ok({ auth_token: token, expires_in: knobs.sessionSeconds, scopes: [`share:${share.id}:r`] });
  };

  return [
    {
      method: "POST",
      path: "/share/:share/auth/password/",
      dialect: "both",
      open: true,
      handle: async (call) => {
        const share = shares.get(call.param("share"));
        const read = readFields(await call.form());
        const password = read.required("password");
        read.done();
        needOpenLink(share);
        if (share.password !== password) throw new ApiRefusal(401, 1650, "The password is wrong.");
        return letIn(share);
      },
    },
    {
      method: "POST",
      path: "/share/:share/auth/guest/",
      dialect: "both",
      open: true,
      handle: async (call) => {
        const share = shares.get(call.param("share"));
        await call.anyForm();
        needOpenLink(share);
        if (share.password !== undefined)
          throw new ApiRefusal(401, 1650, "The share has a password.", { reason: "password_required" });
        return letIn(share);
      },
    },
    {
      method: "POST",
      path: "/workspace/:ws/import/share/:imported/",
      dialect: "both",
      handle: (call) => {
        const share = shares.get(call.param("imported"));
        // To bring a share along one has to be able to see it.
        const route: Route = { method: "GET", path: "/share/:share/", dialect: "both", handle: () => ok() };
        checkAccess(world, call.token, { route, method: "GET", params: new Map([["share", share.id]]) });
        const drive = workspaceDrive(world, call.param("ws"));
        const present = [...drive.nodes.values()].find((node) => node.target === share.id);
        if (present) throw conflict("The share is in this workspace already.", { reason: "already_imported" });
        const node = world.nodes.createLink(drive, "root", share.title, share.id, call.user().id, false);
        world.events.append({
          orgId: share.orgId,
          shareId: share.id,
          homeWorkspaceId: drive.id,
          event: "share_imported_to_workspace",
          category: "share",
          subCategory: "lifecycle",
          objectId: share.id,
          userId: call.user().id,
          subject: { name: share.title },
        });
        return ok({ node: nodeJson(node) });
      },
    },
  ];
}
