import { z } from "zod";
import { findDeliveryOf } from "../src/ledger/delivery-queries.ts";
import { findEvent } from "../src/ledger/event-queries.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { EventRow } from "../src/ledger/schema.ts";
import {
  countRunsOfEvents,
  listAskedEvents,
  listRunsOfEvent,
  PICKED_FROM,
  searchEvents,
} from "../src/ledger/search-events.ts";
import { PAGE_QUERY } from "./page-query.ts";
import { summarise } from "./read-runs.ts";
import { RunSummary } from "./run-schemas.ts";
import type { Told } from "./told.ts";

const PLACE = /^\d{1,15}-ev-[A-Za-z0-9_-]{1,64}$/;

/** What is asked of the list of events. */
export const EventsQuery = z.strictObject({
  about: z
    .string()
    .trim()
    .min(1)
    .max(1_024)
    .regex(/^\P{Cc}+$/u, "has characters that no name has")
    .optional()
    .describe("An event's key, a node id however it is spelled, or a file's whole name in any case"),
  which: z
    .enum(["all", "asked"])
    .default("all")
    .describe(
      `asked: without what no rule listens to and what the relay did itself, ${PICKED_FROM} events looked through at a time; not together with \`about\``,
    ),
  before: z
    .string()
    .regex(PLACE, "is no place in this list; give what was told as next")
    .transform((place) => ({ receivedAtMs: Number.parseInt(place, 10), key: place.slice(place.indexOf("-") + 1) }))
    .optional()
    .describe("Where the page begins: what the page before told as `next`"),
  limit: PAGE_QUERY.limit,
});
export type EventsQuery = z.output<typeof EventsQuery>;

export const EventSummary = z
  .object({
    key: z.string(),
    type: z.string(),
    source: z.string().describe("The channel that told it first"),
    status: z.enum(["accepted", "routed", "ignored", "failed"]).describe("accepted: not routed yet"),
    file: z.string().nullable().describe("null when nobody looked at the file, or it was gone"),
    folder: z.string().nullable(),
    nodeId: z.string().nullable(),
    receivedAtMs: z.int(),
    reasons: z
      .array(z.object({ rule: z.string(), reason: z.string() }))
      .describe("Why there is no run, or what the event waits for: by rule, or under `*` whichever rule"),
    runCount: z.int().describe("Runs that were made of its file, alone or in a batch"),
  })
  .meta({ id: "EventSummary" });
/** One line of the list of events. */
export type EventSummary = Told<typeof EventSummary>;

export const EventList = z
  .object({
    events: z.array(EventSummary),
    next: z.string().nullable().describe("What to ask for as `before` to get the next page; null on the last one"),
    searchedToMs: z
      .int()
      .nullable()
      .describe("Set when enough were looked through before the page was full: older ones are not looked through yet"),
  })
  .meta({ id: "EventList" });
export type EventList = Told<typeof EventList>;

export const EventStory = EventSummary.extend({
  rawType: z.string(),
  occurredAtMs: z.int().nullable(),
  routedAtMs: z.int().nullable(),
  deliveryId: z
    .string()
    .nullable()
    .describe("The delivery that brought it first; null: catch-up found it first, or that line is forgotten"),
  workspaceId: z.string().nullable(),
  shareId: z.string().nullable(),
  actorUserId: z.string().nullable(),
  runs: z.array(RunSummary),
}).meta({ id: "EventStory" });
/** What became of a file. */
export type EventStory = Told<typeof EventStory>;

export type ReadEvents = {
  list(query: EventsQuery): Promise<EventList>;
  story(key: string): Promise<EventStory | undefined>;
};

export function createReadEvents(db: Db): ReadEvents {
  return {
    list: async ({ about, which, before: after, limit }) => {
      const isPicked = about === undefined && which === "asked";
      const page = { after, limit };
      const { rows, next, searchedToMs } = await (isPicked ? listAskedEvents(db, page) : searchEvents(db, about, page));
      const counts = await countRunsOfEvents(
        db,
        rows.map(({ key }) => key),
      );
      const events = rows.map((row) => ({ ...summariseEvent(row), runCount: counts.get(row.key) ?? 0 }));
      return { events, next: next && `${next.receivedAtMs}-${next.key}`, searchedToMs };
    },
    story: async (key) => {
      const event = await findEvent(db, key);
      if (!event) return undefined;
      const made = await listRunsOfEvent(db, key);
      return {
        ...summariseEvent(event),
        runCount: made.length,
        rawType: event.rawType,
        occurredAtMs: event.occurredAtMs,
        routedAtMs: event.routedAtMs,
        deliveryId: (await findDeliveryOf(db, event))?.id ?? null,
        workspaceId: event.workspaceId,
        shareId: event.shareId,
        actorUserId: event.actorUserId,
        runs: made.map(summarise),
      };
    },
  };
}

const summariseEvent = (event: EventRow): Omit<EventSummary, "runCount"> => ({
  key: event.key,
  type: event.type,
  source: event.source,
  status: event.status,
  file: event.fileName,
  folder: event.folderPath,
  nodeId: event.objectId,
  receivedAtMs: event.receivedAtMs,
  reasons: Object.entries(event.reasons).map(([rule, reason]) => ({ rule, reason })),
});
