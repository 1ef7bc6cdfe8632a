import { ok, type Route } from "../http/route.ts";
import { ApiRefusal, conflict } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import type { User } from "../store/accounts.ts";
import type { Node, NodeLock } from "../store/node.ts";
import { lockJson } from "../store/node-json.ts";
import type { World } from "../world.ts";
import { nodeIn, type Place, underBoth } from "./place.ts";

const DURATION_S = { min: 1, max: 3600, usual: 300 } as const;

/** The lock of a node while it lasts. */
export function lockOf(world: World, node: Node): NodeLock | undefined {
  if (node.lock && node.lock.untilMs <= world.time.now()) node.lock = undefined;
  return node.lock;
}

/** @throws {ApiRefusal} 409 while somebody else holds the node */
export function needUnlocked(world: World, node: Node, user: User): void {
  const lock = lockOf(world, node);
  if (lock && lock.userId !== user.id)
    throw conflict("The file is locked by somebody else.", { reason: "locked", locked_by: lock.userId });
}

/** Locks that keep others from changing a node until released, or until nobody renews them. */
export function lockRoutes(world: World): readonly Route[] {
  const bump = (place: Place, node: Node): void => {
    const { workspaceId, shareId, orgId } = place.drive.scope;
    const profiles = [workspaceId, shareId, orgId].filter((id) => id !== undefined);
    world.activity.bump(profiles, `storage:${node.id}`);
  };
  const held = (node: Node, token: string): NodeLock => {
    const lock = lockOf(world, node);
    if (!lock) throw conflict("The file is not locked.", { reason: "not_locked" });
    if (lock.token !== token) throw new ApiRefusal(403, 1680, "The lock token is not the right one.");
    return lock;
  };
  const path = "storage/:node/lock/";
  return [
    ...underBoth(world, "POST", path, "both", async (call, place) => {
      const read = readFields(await call.form());
      const seconds = read.int("duration", DURATION_S.min, DURATION_S.max) ?? DURATION_S.usual;
      const clientInfo = read.optional("client_info", { max: 1000 });
      read.done();
      const node = nodeIn(world, place, call.param("node"));
      const before = lockOf(world, node);
      if (before) throw conflict("The file is locked already.", { reason: "locked", locked_by: before.userId });
      const sinceMs = world.time.now();
      const durationMs = seconds * 1000;
      const token = world.ids.token(40);
      node.lock = { token, userId: call.user().id, clientInfo, durationMs, sinceMs, untilMs: sinceMs + durationMs };
      bump(place, node);
      return ok({ lock_token: token, lock: lockJson(node.lock) });
    }),
    ...underBoth(world, "GET", path, "both", (call, place) => {
      const lock = lockOf(world, nodeIn(world, place, call.param("node")));
      return ok({ locked: lock !== undefined, lock: lock ? lockJson(lock) : null });
    }),
    ...underBoth(world, "POST", `${path}heartbeat/`, "both", async (call, place) => {
      const read = readFields(await call.form());
      const token = read.required("lock_token");
      read.done();
      const lock = held(nodeIn(world, place, call.param("node")), token);
      lock.untilMs = world.time.now() + lock.durationMs;
      return ok({ lock: lockJson(lock) });
    }),
    ...underBoth(world, "DELETE", path, "both", async (call, place) => {
      const read = readFields(new Map([...call.query, ...(await call.form())]));
      const token = read.required("lock_token");
      read.done();
      const node = nodeIn(world, place, call.param("node"));
      held(node, token);
      node.lock = undefined;
      bump(place, node);
      return ok();
    }),
  ];
}
