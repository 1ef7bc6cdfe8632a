import type { Call } from "../api.ts";
import { path } from "../path.ts";

/** What happened; both dialects have the same routes. */
export const feed = {
  /** The cursor is opaque; encoding it once is the query's business. */
  changes: (orgId: string, cursor: string | undefined, limit: number | undefined): Call => ({
    operation: "fastio.changes.read",
    method: "GET",
    path: path`/org/${orgId}/events/changes/`,
    query: { cursor, limit: limit === undefined ? undefined : String(limit) },
  }),
  search: (query: Readonly<Record<string, string | undefined>>, offset: number, limit: number): Call => ({
    operation: "fastio.events.search",
    method: "GET",
    path: "/events/search/",
    query: { ...query, limit: String(limit), offset: String(offset) },
  }),
  /** @param waitSeconds how long the server may hold the answer; 0: not at all */
  activity: (profileId: string, lastActivity: string | undefined, waitSeconds: number): Call => ({
    operation: "fastio.activity.poll",
    method: "GET",
    path: path`/activity/poll/${profileId}/`,
    query: {
      wait: waitSeconds > 0 ? String(waitSeconds) : undefined,
      lastactivity: lastActivity,
      updated: lastActivity === undefined ? undefined : "1",
    },
    headersTimeoutMs: (waitSeconds + 30) * 1_000,
  }),
} as const;
