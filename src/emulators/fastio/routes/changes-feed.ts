import { ok, type Route } from "../http/route.ts";
import { ApiRefusal } from "../protocol/faults.ts";
import { readFields } from "../protocol/fields.ts";
import { formatTime } from "../protocol/times.ts";
import type { World } from "../world.ts";
import { isShown, mayRead } from "./event-access.ts";

type Mark = { readonly org: string; readonly user: string; readonly seq: number; readonly age: number };

/** Makes every cursor given out so far expire, as an old one does on the server. */
export type CursorControl = { expireCursors(): void };

// Standard base64 with padding, so that a caller who encodes it twice or not at all is found out.
const encode = (mark: Mark): string => Buffer.from(JSON.stringify(mark)).toString("base64");

function decode(cursor: string): Mark | undefined {
  try {
    const value = JSON.parse(Buffer.from(cursor, "base64").toString("utf8")) as unknown;
    if (typeof value !== "object" || value === null) return undefined;
    const { org, user, seq, age } = value as Record<string, unknown>;
    return typeof org === "string" && typeof user === "string" && typeof seq === "number" && typeof age === "number"
      ? { org, user, seq, age }
      : undefined;
  } catch {
    return undefined;
  }
}

/** The organisation's changes, read forward from a cursor that is bound to caller and organisation. */
export function changesFeed(world: World): CursorControl & { readonly routes: readonly Route[] } {
  let age = 0;
  return {
    expireCursors: () => {
      age += 1;
    },
    routes: [
      {
        method: "GET",
        path: "/org/:org/events/changes/",
        dialect: "both",
        handle: (call) => {
          const org = world.places.org(call.param("org")).id;
          const user = call.user().id;
          const read = readFields(call.query);
          const limit = read.int("limit", 1, 1000) ?? 250;
          const cursor = read.optional("cursor");
          read.done();
          const log = world.events.all();
          const items = world.places
            .workspaces(org)
            .filter(({ id }) => mayRead(world, call, { orgId: org, workspaceId: id }))
            .map(({ id }) => ({ id, type: "workspace" }));
          if (items.length === 0) throw new ApiRefusal(403, 135626, "Nothing here is yours to read.");
          const profiles = { version: 1, items };
          if (cursor === undefined || cursor === "")
            return ok({ changes: [], cursor: encode({ org, user, seq: log.length, age }), has_more: false, profiles });
          const mark = decode(cursor);
          if (!mark || mark.org !== org || mark.user !== user || mark.seq > log.length)
            throw new ApiRefusal(406, 158008, "The cursor is not valid.", { reason: "cursor_invalid" });
          if (mark.age !== age)
            throw new ApiRefusal(406, 187907, "The cursor has expired.", { reason: "cursor_expired" });
          const rows = log.slice(mark.seq, mark.seq + limit);
          const seq = mark.seq + rows.length;
          return ok({
            changes: rows
              .filter((row) => row.orgId === org && isShown(world, call, row))
              .map((row) => ({
                event_id: row.id,
                event: row.event,
                profile_id: row.workspaceId ?? row.shareId ?? row.orgId,
                profile_type: row.workspaceId ? "workspace" : row.shareId ? "share" : "org",
                object_id: row.objectId,
                created: formatTime(row.createdMs),
              })),
            cursor: encode({ org, user, seq, age }),
            has_more: seq < log.length,
            profiles,
          });
        },
      },
    ],
  };
}
