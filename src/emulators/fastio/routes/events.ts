import { ok, type Route } from "../http/route.ts";
import { ApiRefusal, invalidInput, notFound } from "../protocol/faults.ts";
import { type FieldReader, type Fields, readFields } from "../protocol/fields.ts";
import { idKey } from "../protocol/ids.ts";
import { formatTime } from "../protocol/times.ts";
import type { EventRow } from "../store/events.ts";
import type { World } from "../world.ts";
import { pageOf } from "./paging.ts";

const SCOPES = ["workspace_id", "share_id", "org_id", "user_id", "parent_event_id"] as const;

export const eventJson = (row: EventRow): Record<string, unknown> => ({
  event_id: row.id,
  event: row.event,
  category: row.category,
  sub_category: row.subCategory,
  created: formatTime(row.createdMs),
  object_id: row.objectId,
  org_id: row.orgId,
  ...(row.workspaceId === undefined ? {} : { workspace_id: row.workspaceId }),
  ...(row.shareId === undefined ? {} : { share_id: row.shareId }),
  calling_user_id: row.userId ?? null,
  acknowledged: row.acknowledged,
});

type Keep = (row: EventRow) => boolean;

/** The scope of a search: exactly what the caller may look at. */
function scopeFilter(world: World, query: Fields): Keep {
  const given = SCOPES.filter((name) => query.has(name));
  if (given.length === 0)
    throw invalidInput([
      { name: "workspace_id", kind: "missing", message: `One of ${SCOPES.join(", ")} is required.`, code: 10022 },
    ]);
  const value = (name: string): string => String(query.get(name));
  if (given.includes("parent_event_id")) {
    const allowed = ["parent_event_id", "acknowledged", "limit", "offset", "output"];
    if ([...query.keys()].some((name) => !allowed.includes(name)))
      throw new ApiRefusal(406, 10262, "parent_event_id combines with acknowledged, limit and offset only.");
    return () => false;
  }
  if (query.has("workspace_id")) {
    const { id } = world.places.workspace(value("workspace_id"));
    return (row) => row.workspaceId === id;
  }
  if (query.has("share_id")) {
    const { id } = world.shares.get(value("share_id"));
    return (row) => row.shareId === id;
  }
  if (query.has("org_id")) {
    const { id } = world.places.org(value("org_id"));
    return (row) => row.orgId === id;
  }
  return (row) => row.userId === value("user_id");
}

function readFilters(read: FieldReader): Keep {
  const event = read.optional("event", { max: 100 });
  const category = read.optional("category");
  const sub = read.optional("subcategory");
  const actor = read.optional("calling_user_id");
  const object = read.optional("object_id");
  const acknowledged = read.bool("acknowledged");
  const from = read.time("created-min");
  const to = read.time("created-max");
  // The log tells whole seconds, so bounds count whole seconds too.
  const second = (ms: number): number => Math.floor(ms / 1000);
  return (row) =>
    (event === undefined || row.event === event) &&
    (category === undefined || row.category === category) &&
    (sub === undefined || row.subCategory === sub) &&
    (actor === undefined || row.userId === actor) &&
    (object === undefined || idKey(row.objectId) === idKey(object)) &&
    (acknowledged === undefined || row.acknowledged === acknowledged) &&
    (from === undefined || second(row.createdMs) >= second(from)) &&
    (to === undefined || second(row.createdMs) <= second(to));
}

export function eventRoutes(world: World): readonly Route[] {
  const eventOf = (id: string): EventRow => {
    const row = world.events.find(id);
    if (!row) throw notFound("event");
    return row;
  };
  const acknowledge = (method: string): Route => ({
    method,
    path: "/event/:event/ack/",
    dialect: "both",
    handle: (call) => {
      eventOf(call.param("event")).acknowledged = true;
      return ok();
    },
  });
  return [
    {
      method: "GET",
      path: "/events/search/",
      dialect: "both",
      handle: (call) => {
        const inScope = scopeFilter(world, call.query);
        const read = readFields(call.query);
        const keep = readFilters(read);
        read.done();
        const rows = world.events.all().filter((row) => inScope(row) && keep(row));
        const { items, pagination } = pageOf(call.query, rows.reverse(), 250);
        return ok({ events: items.map(eventJson), pagination });
      },
    },
    {
      method: "GET",
      path: "/event/:event/details/",
      dialect: "both",
      handle: (call) => ok({ event: eventJson(eventOf(call.param("event"))) }),
    },
    acknowledge("POST"),
    acknowledge("GET"),
    {
      method: "GET",
      path: "/activity/poll/:profile/",
      dialect: "both",
      handle: async (call) => {
        const id = call.param("profile");
        const profile =
          world.places.findWorkspace(id)?.id ??
          world.places.findOrg(id)?.id ??
          world.shares.find(id)?.id ??
          (call.user().id === id ? id : undefined);
        if (profile === undefined) throw notFound("profile");
        const read = readFields(call.query);
        const wait = read.int("wait", 0, 95) ?? 0;
        const since = read.optional("lastactivity");
        read.done();
        const { keys, lastactivity } = await world.activity.poll(profile, since, wait * 1000, call.signal);
        return ok({ activity: [...keys], lastactivity });
      },
    },
  ];
}
