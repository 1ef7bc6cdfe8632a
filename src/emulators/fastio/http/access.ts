import { ApiRefusal, denied, unauthorized } from "../protocol/faults.ts";
import type { Grant } from "../store/accounts.ts";
import { membershipOf, type Permissions, type Roster } from "../store/members.ts";
import type { World } from "../world.ts";
import type { Route } from "./route.ts";

type Asked = { readonly route: Route; readonly method: string; readonly params: ReadonlyMap<string, string> };
type Profile = { readonly kind: "org" | "workspace" | "share"; readonly id: string; readonly above: readonly string[] };

const UNVERIFIED_MAY = new Set([
  "/user/me/details/",
  "/user/email/validate/",
  "/user/auth/sign-out/",
  "/user/auth/invalidate-all/",
]);
const GUEST_MAY = /^\/share\/:(share|profile)\/(details\/|storage\/)/;
const isRead = (method: string): boolean => method === "GET" || method === "HEAD";

/** The organisation, workspace or share a path is about. @throws {ApiRefusal} 404 */
function profileOf(world: World, { route, params }: Asked): Profile | undefined {
  const prefix = /^\/(?:comments\/)?(org|workspace|share)\/:(\w+)\//.exec(route.path);
  const id = params.get(prefix?.[2] ?? "") ?? "";
  switch (prefix?.[1]) {
    case "org":
      return { kind: "org", id: world.places.org(id).id, above: [] };
    case "workspace": {
      const workspace = world.places.workspace(id);
      return { kind: "workspace", id: workspace.id, above: [`org:${workspace.orgId}`] };
    }
    case "share": {
      const share = world.shares.get(id);
      return { kind: "share", id: share.id, above: [`workspace:${share.workspaceId}`, `org:${share.orgId}`] };
    }
    default:
      return undefined;
  }
}

/** What somebody may do in a profile; undefined for strangers. */
function permissionsIn(world: World, { kind, id }: Profile, user: Grant["user"]): Permissions | undefined {
  const own = (roster: Roster): Permissions | undefined => membershipOf(roster, user, world.time.now())?.permissions;
  const inWorkspace = (workspaceId: string): Permissions | undefined => {
    const workspace = world.places.findWorkspace(workspaceId);
    const inOrg = workspace && own(world.places.org(workspace.orgId).members);
    return (workspace && own(workspace.members)) ?? (inOrg === "owner" || inOrg === "admin" ? inOrg : undefined);
  };
  if (kind === "org") return own(world.places.org(id).members);
  if (kind === "workspace") return inWorkspace(id);
  const share = world.shares.get(id);
  const open = ["Anyone with a registered account", "Anyone with the link"].includes(share.accessOptions);
  const byOrg =
    share.accessOptions === "Members of the Share, Workspace or Org" &&
    own(world.places.org(share.orgId).members) !== undefined;
  return own(share.members) ?? inWorkspace(share.workspaceId) ?? (open || byOrg ? "view" : undefined);
}

/** Whether one of a key's scopes reaches this far; `workspace:123:rw`, `all_shares:r`, `org` and so on. */
function reaches(scopes: readonly string[], profile: Profile | undefined, write: boolean): boolean {
  return scopes.some((scope) => {
    const [type = "", second, third] = scope.split(":");
    const id = third === undefined && /^(r|rw|rwa)$/.test(second ?? "") ? undefined : second;
    const mode = third ?? (id === undefined ? second : undefined) ?? "rwa";
    if (write && mode === "r") return false;
    if (!profile) return true;
    if (type === `all_${profile.kind}s` || (type === profile.kind && id === undefined)) return true;
    const named = `${type}:${id ?? ""}`;
    return named === `${profile.kind}:${profile.id}` || profile.above.includes(named);
  });
}

/**
 * Who may go through a route at all: verified accounts, with the second factor done, whose key reaches that far
 * and who are members there. What a route asks beyond that it checks itself.
 *
 * @throws {ApiRefusal} 401, 403, or 404 when the profile does not exist
 */
export function checkAccess(world: World, token: string, asked: Asked): void {
  const { route, method } = asked;
  if (route.open) return;
  const guestOf = world.accounts.guestShareOf(token);
  if (guestOf !== undefined) {
    const profile = profileOf(world, asked);
    if (profile?.id !== guestOf || !isRead(method) || !GUEST_MAY.test(route.path))
      throw new ApiRefusal(403, 1680, "A guest of a share may read that share only.");
    return;
  }
  const grant = world.accounts.grantOf(token);
  if (!grant) throw unauthorized();
  if (grant.limited) {
    if (route.path.startsWith("/user/auth/2factor/auth/")) return;
    throw new ApiRefusal(401, 10175, "The second factor is missing.", { reason: "two_factor_required" });
  }
  if (!world.accounts.secrets(grant.user).verified && !UNVERIFIED_MAY.has(route.path))
    throw new ApiRefusal(403, 10587, "The e-mail address of this account is not verified.");
  const profile = profileOf(world, asked);
  if (grant.scopes && !reaches(grant.scopes, profile, !isRead(method)))
    throw new ApiRefusal(403, 10560, "The key does not reach this far.", { reason: "scope_insufficient" });
  if (grant.scopes && route.path.startsWith("/user/") && !isRead(method) && !grant.scopes.includes("user"))
    throw new ApiRefusal(403, 10767, "The key may not change the account.", { reason: "scope_admin_required" });
  if (!profile || route.stranger) return;
  const permissions = permissionsIn(world, profile, grant.user);
  if (permissions === undefined) throw denied();
  // Guests of a share that receives may put files into it.
  const drops = profile.kind === "share" && world.shares.get(profile.id).shareType !== "send";
  const mayDrop = drops && permissions === "guest" && /^\/share\/:profile\/(storage\/|$)/.test(route.path);
  if (!isRead(method) && !route.readers && !mayDrop && (permissions === "view" || permissions === "guest"))
    throw new ApiRefusal(403, 1680, "Guests and viewers may not change anything here.");
}

/** @throws {ApiRefusal} 403 unless the caller runs the profile; `owner` asks for its one owner */
export function needAdmin(world: World, user: Grant["user"], kind: Profile["kind"], id: string, owner = false): void {
  const permissions = permissionsIn(world, { kind, id, above: [] }, user);
  if (permissions === "owner" || (permissions === "admin" && !owner)) return;
  throw new ApiRefusal(403, 1680, owner ? "Only the owner may do this." : "Only admins may do this.");
}
