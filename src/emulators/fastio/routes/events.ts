import type { Call } from "../http/call.ts";
import { ok, type Route } from "../http/route.ts";
import { ApiRefusal, denied, forbidden, invalidField, invalidInput, notFound } from "../protocol/faults.ts";
import { type FieldReader, readFields } from "../protocol/fields.ts";
import { idKey } from "../protocol/ids.ts";
import { formatTime } from "../protocol/times.ts";
import type { EventRow } from "../store/events.ts";
import type { World } from "../world.ts";
import { isShown, mayRead, placeAllows, pollable } from "./event-access.ts";
import { pageOf } from "./paging.ts";

const SCOPES = ["workspace_id", "share_id", "org_id", "user_id", "parent_event_id"] as const;

const eventJson = (row: EventRow): Record<string, unknown> => ({
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

/** Seconds a token for the realtime socket lives. */
const SOCKET_TOKEN_S = 3600;

type Keep = (row: EventRow) => boolean;

/** The scope of a search: exactly what the caller may look at. */
function scopeFilter(world: World, call: Call): Keep {
  const { query } = call;
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
  if (given.length > 1) throw new ApiRefusal(406, 10262, `Give one of ${given.join(", ")}.`);
  if (query.has("workspace_id")) {
    const id = placeAllows(world, call, "workspace", value("workspace_id"));
    return (row) => row.workspaceId === id;
  }
  if (query.has("share_id")) {
    const id = placeAllows(world, call, "share", value("share_id"));
    return (row) => row.shareId === id;
  }
  if (query.has("org_id")) {
    const id = placeAllows(world, call, "org", value("org_id"));
    return (row) => row.orgId === id;
  }
  const userId = value("user_id");
  if (call.user().id !== userId) throw forbidden();
  return (row) => row.userId === userId;
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
  /** @throws {ApiRefusal} 403 or 404 for events of places the caller is not in */
  const readable = (call: Call, row: EventRow): EventRow => {
    if (!mayRead(world, call, row)) throw denied();
    return row;
  };
  const find = (call: Call): readonly EventRow[] => {
    const inScope = scopeFilter(world, call);
    const read = readFields(call.query);
    const keep = readFilters(read);
    read.done();
    return world.events.all().filter((row) => inScope(row) && keep(row));
  };
  const acknowledge = (method: string): Route => ({
    method,
    path: "/event/:event/ack/",
    dialect: "both",
    readers: true,
    handle: async (call) => {
      const row = readable(call, eventOf(call.param("event")));
      const sent = (method === "POST" ? await call.form() : call.query).get("event_id");
      if (sent !== undefined && idKey(String(sent)) !== idKey(row.id))
        throw invalidField("event_id", "event_id is another event than the path names.");
      row.acknowledged = true;
      return ok();
    },
  });
  return [
    {
      method: "GET",
      path: "/events/search/",
      dialect: "both",
      bucket: "events_search",
      handle: (call) => {
        const { items, pagination } = pageOf(call.query, find(call).toReversed(), 250);
        return ok({ events: items.filter((row) => isShown(world, call, row)).map(eventJson), pagination });
      },
    },
    {
      method: "GET",
      path: "/events/search/summarize/",
      dialect: "both",
      bucket: "events_search",
      costs: true,
      handle: (call) => {
        const read = readFields(call.query);
        read.optional("user_context", { max: 1000 });
        read.done();
        const rows = find(call);
        const counts = new Map<string, number>();
        for (const row of rows) counts.set(row.event, (counts.get(row.event) ?? 0) + 1);
        const told = [...counts].map(([event, count]) => `${count} × ${event}`).join(", ");
        return ok({ summary: told === "" ? "Nothing happened." : `What happened: ${told}.`, event_count: rows.length });
      },
    },
    {
      method: "GET",
      path: "/event/:event/details/",
      dialect: "both",
      handle: (call) => ok({ event: eventJson(readable(call, eventOf(call.param("event")))) }),
    },
    acknowledge("POST"),
    acknowledge("GET"),
    {
      method: "GET",
      path: "/activity/poll/:profile/",
      dialect: "both",
      handle: async (call) => {
        const profile = pollable(world, call, call.param("profile"));
        const read = readFields(call.query);
        const wait = read.int("wait", 0, 95) ?? 0;
        const since = read.optional("lastactivity");
        read.choice("updated", ["1", "0", "true", "false"]);
        read.done();
        const { keys, lastactivity } = await world.activity.poll(profile, since, wait * 1000, call.signal);
        return ok({ activity: [...keys], lastactivity });
      },
    },
    {
      method: "GET",
      path: "/websocket/auth/:profile/",
      dialect: "both",
      handle: (call) => {
        const id = call.param("profile");
        const profile = world.fileShares.find(id)?.workspaceId ?? id;
        // The socket itself is not served: whoever asks gets a token and finds nobody listening.
        const token = world.accounts.openSession(call.user(), SOCKET_TOKEN_S, { limited: true });
        return ok({ profile_id: pollable(world, call, profile), token, expires_in: SOCKET_TOKEN_S });
      },
    },
  ];
}
