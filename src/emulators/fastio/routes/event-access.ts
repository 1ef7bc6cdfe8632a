import { checkAccess } from "../http/access.ts";
import type { Call } from "../http/call.ts";
import { ok, type Route } from "../http/route.ts";
import { ApiRefusal, notFound } from "../protocol/faults.ts";
import type { EventRow, EventScope } from "../store/events.ts";
import type { World } from "../world.ts";

/** The id of a profile the caller may look into. @throws {ApiRefusal} 404 or 403 */
export function placeAllows(world: World, call: Call, kind: "org" | "workspace" | "share", id: string): string {
  const route: Route = { method: "GET", path: `/${kind}/:profile/`, dialect: "both", handle: () => ok() };
  checkAccess(world, call.token, { route, method: "GET", params: new Map([["profile", id]]) });
  if (kind === "org") return world.places.org(id).id;
  return kind === "workspace" ? world.places.workspace(id).id : world.shares.get(id).id;
}

/** The profile an activity key belongs to: a workspace, organisation or share, or the caller. */
export function pollable(world: World, call: Call, id: string): string {
  if (call.user().id === id) return id;
  if (world.places.findWorkspace(id)) return placeAllows(world, call, "workspace", id);
  if (world.places.findOrg(id)) return placeAllows(world, call, "org", id);
  if (world.shares.find(id)) return placeAllows(world, call, "share", id);
  throw notFound("profile");
}

/** Whether the caller is in the place something happened in; what is gone may be read by whoever is in its org. */
export function mayRead(world: World, call: Call, { workspaceId, shareId }: EventScope): boolean {
  const [kind, id] = workspaceId === undefined ? (["share", shareId] as const) : (["workspace", workspaceId] as const);
  if (id === undefined) return true;
  try {
    placeAllows(world, call, kind, id);
    return true;
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    return error.status === 404;
  }
}

/** Whether a row of a page is told; rows are left out after paging, so that pages may come short. */
export const isShown = (world: World, call: Call, row: EventRow): boolean =>
  !world.knobs.hiddenEvents.includes(row.event) && mayRead(world, call, row);
