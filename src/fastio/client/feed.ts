import type { Clock } from "../../clock.ts";
import { patiently } from "../../patiently.ts";
import type { EventQuery, EventRow, FastioFeed } from "../ports/feed.ts";
import type { Api } from "./api.ts";
import { type CallLimit, createCallBudget } from "./call-budget.ts";
import { asCount, at } from "./pick.ts";
import { readTime, writeTime } from "./read-time.ts";
import { readActivity, readChangesPage, readEventRows } from "./readers/feed.ts";
import { feed } from "./routes/feed.ts";

/** Rows one page of event search has at most. */
const SEARCH_ROWS = 250;
/** The service allows 95; proxies on the way cut holds that are that long. */
const LONGEST_HOLD_SECONDS = 90;
/** Published limits of event search; newer texts speak of the general limit only. */
const EVENT_SEARCH_LIMITS: readonly CallLimit[] = [
  { calls: 5, perMs: 3_000 },
  { calls: 15, perMs: 30_000 },
  { calls: 120, perMs: 600_000 },
];

const EXPIRED = new Set(["187907", "cursor_expired"]);
const INVALID = new Set(["158008", "cursor_invalid", "invalid_cursor"]);

/** The changes feed, event search and the long poll. */
export function createFeed({
  api,
  clock,
  searchLimits = EVENT_SEARCH_LIMITS,
}: {
  readonly api: Api;
  readonly clock: Clock;
  readonly searchLimits?: readonly CallLimit[] | undefined;
}): FastioFeed {
  const maySearch = createCallBudget(searchLimits, clock);

  return {
    readChanges: async ({ orgId, cursor, limit }, signal) => {
      const call = feed.changes(orgId, cursor, limit);
      const told = await api.ask(call, signal);
      if (told.opened.kind === "payload") {
        return { kind: "page", ...readChangesPage(told.opened.payload, call.operation) };
      }
      const failure = told.failure();
      if (failure.code === "unsupported_here") return { kind: "unsupported" };
      if (failure.code === "forbidden") return { kind: "forbidden" };
      if (told.opened.kind !== "problem" || cursor === undefined || failure.code !== "invalid_request") throw failure;
      const { code = "", reason = "", fields } = told.opened.problem;
      if (EXPIRED.has(code) || EXPIRED.has(reason)) return { kind: "cursor_lost", why: "expired" };
      // Codes of the throwing line change; a refused read with nothing in it but a cursor means the cursor.
      const meansCursor = INVALID.has(code) || INVALID.has(reason) || fields.includes("cursor");
      if (meansCursor || told.status === 406) return { kind: "cursor_lost", why: "invalid" };
      throw failure;
    },

    searchEvents: async function* (query, signal) {
      let fields = queryFields(query);
      let hasEnd = query.until !== undefined;
      for (let offset = 0; ; ) {
        const isFirst = offset === 0;
        const call = feed.search(fields, offset, SEARCH_ROWS);
        const ask = async (): Promise<unknown> => {
          await maySearch(signal);
          return api.call(call, signal);
        };
        const payload = await (isFirst ? ask() : patiently(ask, { clock, signal }));
        const rows = readEventRows(payload, call.operation);
        // The server may page in smaller steps than asked; steps of its own make no gaps.
        const step = asCount(at(payload, "pagination.limit")) ?? rows.length;
        // A page without a row that is shown to us tells no time: then the next one does.
        const end = hasEnd ? undefined : endAt(rows, clock.now());
        hasEnd ||= end !== undefined;
        if (end === undefined) offset += step > 0 ? Math.min(step, SEARCH_ROWS) : rows.length;
        else {
          fields = queryFields({ ...query, until: end.untilMs });
          offset = end.rows;
        }
        // A page may be empty because all of it is hidden from us: the total, where told, says whether that is the end.
        const total = asCount(at(payload, "pagination.total"));
        if (rows.length > 0) yield rows;
        else if (step === 0 || total === undefined || offset >= total) return;
      }
    },

    pollActivity: async ({ profileId, lastActivity, waitSeconds }, signal) => {
      const hold = Math.max(0, Math.min(LONGEST_HOLD_SECONDS, Math.floor(waitSeconds)));
      const call = feed.activity(profileId, lastActivity, hold);
      return readActivity(await api.call(call, signal), call.operation);
    },
  };
}

/**
 * Where a search ends: while it goes from page to page, events keep coming, and each moves all pages on, so that a search
 * of a busy workspace would come to no end. What comes later is for the next one.
 *
 * The newest row there is tells the time of Fast.io's clock; ours counts too, should the oldest rows come first.
 * @returns how many rows of the page are certainly not after the end: those hidden from us may be, and are then no longer
 * counted in offsets; undefined where no row has a time
 */
function endAt(
  rows: readonly EventRow[],
  nowMs: number,
): { readonly untilMs: number; readonly rows: number } | undefined {
  const times = rows.flatMap((row) => readTime(row["created"]) ?? []);
  // Whether `created-max` itself is within is written nowhere.
  return times.length === 0 ? undefined : { untilMs: Math.max(nowMs, ...times) + 1_000, rows: times.length };
}

function queryFields(query: EventQuery): Readonly<Record<string, string | undefined>> {
  return {
    ...("workspaceId" in query ? { workspace_id: query.workspaceId } : {}),
    ...("shareId" in query ? { share_id: query.shareId } : {}),
    ...("orgId" in query ? { org_id: query.orgId } : {}),
    ...("userId" in query ? { user_id: query.userId } : {}),
    event: query.event,
    object_id: query.objectId,
    "created-min": query.since === undefined ? undefined : writeTime(query.since),
    "created-max": query.until === undefined ? undefined : writeTime(query.until),
  };
}
