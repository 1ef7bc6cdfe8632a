import { z } from "zod";
import { findDeliveryOf } from "../src/ledger/delivery-queries.ts";
import { findEvent } from "../src/ledger/event-queries.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { EventRow, EventStatus } from "../src/ledger/schema.ts";
import { listRunsOfEvent, searchEvents } from "../src/ledger/search-events.ts";
import { type RunSummary, summarise } from "./read-runs.ts";

/** Unusable query values are left out rather than refused: people edit addresses by hand. */
const Query = z.object({
  about: z
    .string()
    .trim()
    .min(1)
    .max(1_024)
    .regex(/^\P{Cc}+$/u)
    .optional()
    .catch(undefined),
  limit: z.coerce.number().int().min(1).max(500).default(50).catch(50),
});

/** One line of the list of events. Times are milliseconds since the epoch. */
export type EventSummary = {
  readonly key: string;
  readonly type: string;
  /** The channel that told it first. */
  readonly source: string;
  /** `accepted`: not routed yet. */
  readonly status: EventStatus;
  /** null when nobody looked at the file, or it was gone. */
  readonly file: string | null;
  readonly folder: string | null;
  readonly nodeId: string | null;
  readonly receivedAtMs: number;
  /** Why there is no run, or what the event waits for: by rule, or under `*` whichever rule. */
  readonly reasons: readonly { readonly rule: string; readonly reason: string }[];
};

export type EventList = { readonly events: readonly EventSummary[]; readonly about: string | undefined };

/** What became of a file. */
export type EventStory = EventSummary & {
  readonly rawType: string;
  readonly occurredAtMs: number | null;
  readonly routedAtMs: number | null;
  /** The delivery that brought it first; null: catch-up found it first, or that line is forgotten. */
  readonly deliveryId: string | null;
  readonly workspaceId: string | null;
  readonly shareId: string | null;
  readonly actorUserId: string | null;
  readonly runs: readonly RunSummary[];
};

export type ReadEvents = {
  list(query: Readonly<Record<string, string>>): Promise<EventList>;
  story(key: string): Promise<EventStory | undefined>;
};

export function createReadEvents(db: Db): ReadEvents {
  return {
    list: async (raw) => {
      const { about, limit } = Query.parse(raw);
      return { events: (await searchEvents(db, about, limit)).map(summariseEvent), about };
    },
    story: async (key) => {
      const event = await findEvent(db, key);
      if (!event) return undefined;
      return {
        ...summariseEvent(event),
        rawType: event.rawType,
        occurredAtMs: event.occurredAtMs,
        routedAtMs: event.routedAtMs,
        deliveryId: (await findDeliveryOf(db, event))?.id ?? null,
        workspaceId: event.workspaceId,
        shareId: event.shareId,
        actorUserId: event.actorUserId,
        runs: (await listRunsOfEvent(db, key)).map(summarise),
      };
    },
  };
}

const summariseEvent = (event: EventRow): EventSummary => ({
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
