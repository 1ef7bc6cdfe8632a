import { type Answer, ok, type Route } from "../http/route.ts";
import { ApiRefusal, invalidField } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import { idKey } from "../protocol/ids.ts";
import type { Node } from "../store/node.ts";
import { nodeJson, versionJson } from "../store/node-json.ts";
import type { World } from "../world.ts";
import { lockOf } from "./locks.ts";
import { folderIn, nodeIn, type Place, underBoth } from "./place.ts";

const BULK_MAX = 25;
const SORTS = ["name", "updated", "created", "type"] as const;

const compare: Record<(typeof SORTS)[number], (a: Node, b: Node) => number> = {
  name: (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  updated: (a, b) => a.modifiedMs - b.modifiedMs,
  created: (a, b) => a.createdMs - b.createdMs,
  type: (a, b) => a.type.localeCompare(b.type),
};

const encodeCursor = (offset: number): string => Buffer.from(`offset:${offset}`).toString("base64url");
function decodeCursor(cursor: string | undefined): number {
  if (cursor === undefined || cursor === "") return 0;
  const match = /^offset:(\d+)$/.exec(Buffer.from(cursor, "base64url").toString());
  if (!match) throw invalidField("cursor", "The cursor is not one of ours.");
  return Number(match[1]);
}

/** A listing under the key the server is set to use; nobody wrote down which one is real. */
function listed(
  style: World["knobs"]["listStyle"],
  items: readonly Record<string, unknown>[],
): Record<string, unknown> {
  switch (style) {
    case "counted":
      return { nodes: { count: items.length, items } };
    case "array":
      return { nodes: items };
    case "map":
      return { files: Object.fromEntries(items.map((item) => [String(item["id"]), item])) };
    case "files":
    case "items":
    case "results":
      return { [style]: items };
    default:
      return style satisfies never;
  }
}

export function storageReadRoutes(world: World): readonly Route[] {
  const { nodes, knobs } = world;

  const bulk = (place: Place, ids: readonly string[]): Answer => {
    const asked = [...new Map(ids.map((id) => [idKey(id), id])).values()];
    if (asked.length > BULK_MAX) throw new ApiRefusal(400, 115519, `At most ${BULK_MAX} ids in one call.`);
    const found: Node[] = [];
    const errors: { node_id: string; code: number; message: string }[] = [];
    for (const id of asked) {
      try {
        found.push(withoutOldLock(nodeIn(world, place, id)));
      } catch (error) {
        if (!(error instanceof ApiRefusal)) throw error;
        const malformed = !/^[a-z0-9]{4,40}$/.test(idKey(id));
        errors.push({ node_id: id, code: malformed ? 191878 : 133123, message: error.message });
      }
    }
    const payload = {
      format: "multi",
      nodes: found.map((node) => nodeJson(node, place.rootKey)),
      errors,
      node_count: found.length,
      error_count: errors.length,
      requested_count: asked.length,
    };
    // This one answer says "no" whatever the envelope.
    return found.length === 0 ? { kind: "failed", payload: { ...payload, result: "no" }, status: 404 } : ok(payload);
  };

  const withoutOldLock = (node: Node): Node => {
    lockOf(world, node);
    return node;
  };

  return [
    ...underBoth(world, "GET", "storage/:node/list/", "both", (call, place) => {
      const read = readFields(call.query);
      const sortBy = read.choice("sort_by", SORTS) ?? "name";
      const direction = read.choice("sort_dir", ["asc", "desc"]) === "desc" ? -1 : 1;
      const size = Number(read.choice("page_size", ["100", "250", "500"]) ?? 100);
      read.done();
      const folder = call.param("node");
      const all =
        folder === "trash" ? nodes.trash(place.drive) : nodes.childrenOf(place.drive, folderIn(world, place, folder));
      const rows = [...all].sort(
        (a, b) => direction * compare[sortBy](a, b) || compare.name(a, b) || (a.id < b.id ? -1 : 1),
      );
      const start = decodeCursor(read.optional("cursor"));
      const items = rows.slice(start, start + size).map((node) => nodeJson(node, place.rootKey));
      return ok({
        ...listed(knobs.listStyle, items),
        next_cursor: start + size < rows.length ? encodeCursor(start + size) : null,
      });
    }),
    ...underBoth(world, "GET", "storage/:node/details/", "both", (call, place) => {
      const id = call.param("node");
      if (id.includes(","))
        return bulk(
          place,
          id.split(",").filter((one) => one !== ""),
        );
      return ok({ format: "single", node: nodeJson(withoutOldLock(nodeIn(world, place, id)), place.rootKey) });
    }),
    ...underBoth(world, "GET", "storage/:node/versions/", "both", (call, place) => {
      const node = nodeIn(world, place, call.param("node"));
      const newestFirst = [...node.versions].reverse();
      return ok({ versions: newestFirst.map((version, index) => versionJson(version, index === 0)) });
    }),
  ];
}
