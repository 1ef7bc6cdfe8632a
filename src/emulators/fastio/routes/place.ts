import { checkAccess } from "../http/access.ts";
import type { Call } from "../http/call.ts";
import { type Answer, ok, type Route } from "../http/route.ts";
import { notFound } from "../protocol/faults.ts";
import { idKey } from "../protocol/ids.ts";
import type { EventScope } from "../store/events.ts";
import type { Drive, Node } from "../store/node.ts";
import { rootKeyOf, type Share } from "../store/shares.ts";
import type { World } from "../world.ts";

/** Storage as a path names it: a workspace's, or what a share shows of one. */
export type Place = {
  readonly kind: "workspace" | "share";
  readonly id: string;
  readonly drive: Drive;
  /** Key of the folder that is `root` here. */
  readonly rootKey: string;
  /** Where events about reading belong. */
  readonly scope: EventScope;
  readonly share: Share | undefined;
};

export function workspaceDrive(world: World, id: string): Drive {
  const drive = world.drives.get(world.places.workspace(id).id);
  if (!drive) throw notFound("workspace");
  return drive;
}

/**
 * @param caller checks that they may be there and, unless they are reading, change things; for routes whose path does
 *   not name the place
 * @throws {ApiRefusal} 404, or 403
 */
export function placeOf(
  world: World,
  kind: Place["kind"],
  id: string,
  caller?: Pick<Call, "token" | "request">,
): Place {
  if (caller) {
    const route: Route = { method: "", path: `/${kind}/:profile/`, dialect: "both", handle: () => ok() };
    const method = caller.request.method ?? "GET";
    checkAccess(world, caller.token, { route, method, params: new Map([["profile", id]]) });
  }
  if (kind === "workspace") {
    const drive = workspaceDrive(world, id);
    return { kind, id: drive.id, drive, rootKey: "root", scope: drive.scope, share: undefined };
  }
  const share = world.shares.get(id);
  const scope = { orgId: share.orgId, shareId: share.id, homeWorkspaceId: share.workspaceId };
  return { kind, id: share.id, drive: share.drive, rootKey: rootKeyOf(share), scope, share };
}

/** A node of this place by id. @throws {ApiRefusal} 404, also outside a share's folder */
export function nodeIn(world: World, place: Place, id: string): Node {
  const node = world.nodes.node(place.drive, id);
  if (!world.nodes.isInside(place.drive, node, place.rootKey)) throw notFound("node");
  return node;
}

/** The id of a live folder of this place, `root` translated. @throws {ApiRefusal} 404 or 406 */
export function folderIn(world: World, place: Place, id: string): string {
  if (id === "root") return place.rootKey;
  nodeIn(world, place, id);
  world.nodes.folderKey(place.drive, id);
  return idKey(id);
}

type PlaceHandler = (call: Call, place: Place) => Answer | Promise<Answer>;

/** The same route under `/workspace/…` and `/share/…`. */
export function underBoth(
  world: World,
  method: string,
  tail: string,
  dialect: Route["dialect"],
  handle: PlaceHandler,
  more: Partial<Pick<Route, "open" | "costs" | "readers">> = {},
): readonly Route[] {
  return (["workspace", "share"] as const).map((kind) => ({
    method,
    path: `/${kind}/:profile/${tail}`,
    dialect,
    ...more,
    handle: (call) => handle(call, placeOf(world, kind, call.param("profile"))),
  }));
}
