import { EVENT_NAMES } from "../events/event-names.ts";

/** What a sample delivery tells of. Ids are opaque strings. */
export type SampleFacts = {
  /** One of our names for events (`file.created`), or any name as it shall stand in the body. */
  readonly event: string;
  readonly eventId: string;
  readonly workspaceId: string;
  readonly nodeId: string;
  readonly versionId?: string | undefined;
  readonly fileName?: string | undefined;
  /** Bytes. */
  readonly size?: number | undefined;
  /** Who did it; left out, nobody is named. */
  readonly actorUserId?: string | undefined;
  /** When it happened; milliseconds since the Unix epoch, told in whole seconds. */
  readonly atMs: number;
};

type Style = "reference" | "dotted" | "verb";

/** Fast.io's log names, and what articles at fast.io/resources call the same; no other spelling is documented. */
const SPELLINGS: Readonly<Record<string, Partial<Readonly<Record<Style, string>>>>> = {
  "file.created": { reference: "workspace_storage_file_added", dotted: "file.uploaded", verb: "upload" },
  "file.version_added": { reference: "workspace_storage_file_updated", dotted: "file.modified", verb: "modify" },
  "file.accessed": { reference: "workspace_storage_download_token_created", dotted: "file.accessed", verb: "access" },
  "file.deleted": { reference: "workspace_storage_file_deleted", verb: "delete" },
  "member.added": { reference: "added_member_to_workspace", dotted: "workspace.member_added" },
  ping: { reference: "webhook.test", dotted: "webhook.test", verb: "test" },
};

const isOurs = (event: string): event is keyof typeof EVENT_NAMES => Object.hasOwn(EVENT_NAMES, event);

function spell(event: string, style: Style): string {
  const known = Object.hasOwn(SPELLINGS, event) ? SPELLINGS[event]?.[style] : undefined;
  if (known !== undefined || !isOurs(event)) return known ?? event;
  return style === "reference" ? EVENT_NAMES[event][0] : event;
}

/** `2026-01-01T00:00:00Z` */
const isoOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
/** `2026-01-01 00:00:00 UTC`, as Fast.io's API writes times. */
const utcOf = (ms: number): string => `${isoOf(ms).slice(0, 10)} ${isoOf(ms).slice(11, 19)} UTC`;

const dotted = (facts: SampleFacts) => ({
  event: spell(facts.event, "dotted"),
  event_id: facts.eventId,
  workspace_id: facts.workspaceId,
  file_id: facts.nodeId,
  version: facts.versionId,
  user_id: facts.actorUserId,
  timestamp: isoOf(facts.atMs),
});

const eventObject = (facts: SampleFacts) => ({
  event_id: facts.eventId,
  event: spell(facts.event, "reference"),
  created: utcOf(facts.atMs),
  workspace_id: facts.workspaceId,
  object_id: facts.nodeId,
  calling_user_id: facts.actorUserId,
});

const camelCase = (facts: SampleFacts) => ({
  eventType: spell(facts.event, "verb"),
  workspaceId: facts.workspaceId,
  fileId: facts.nodeId,
  fileName: facts.fileName,
  fileSize: facts.size,
  userId: facts.actorUserId,
  timestamp: isoOf(facts.atMs),
  eventId: facts.eventId,
});

const changesRow = (facts: SampleFacts) => ({
  event_id: facts.eventId,
  event: spell(facts.event, "reference"),
  profile_id: facts.workspaceId,
  profile_type: "workspace",
  object_id: facts.nodeId,
  created: utcOf(facts.atMs),
});

/** A second event beside the first, of another file: batches carry several. */
const another = (facts: SampleFacts): SampleFacts => ({
  ...facts,
  eventId: `${facts.eventId}-2`,
  nodeId: facts.nodeId.replace(/.$/, (last) => (last === "b" ? "c" : "b")),
});

type Shape = {
  readonly title: string;
  /** Where this shape is known from. */
  readonly source: string;
  readonly write: (facts: SampleFacts) => unknown;
};

/**
 * Every shape of body that a delivery of Fast.io may have, as public sources have them on 22 November 2026. None is
 * documented in full; `source` says what is. Articles are those at fast.io/resources. P12 is nobody's: no source shows
 * a batch and none rules it out, so each wrapping that senders of webhooks use is here.
 */
export const SAMPLE_SHAPES = {
  P1: {
    title: "dotted names, snake case",
    source: "articles fastio-webhook-signature-verification-tutorial, fastio-webhook-security-signature-verification",
    write: dotted,
  },
  P2: {
    title: "event object with log names",
    source: "article implement-fastio-webhooks-nodejs-express",
    write: eventObject,
  },
  P3: {
    title: "short verbs, camel case",
    source: "article fastio-webhooks-integration-temporal-io",
    write: camelCase,
  },
  P9: {
    title: "row of the changes feed",
    source: "Fast.io's command-line client (MediaFire/fastio_cli): a feed, not a webhook, read by the same code",
    write: changesRow,
  },
  P12: {
    title: "batch under events",
    source: "no source shows a batch: accepted to be safe",
    write: (facts) => ({ events: [eventObject(facts), eventObject(another(facts))] }),
  },
  "P12-list": {
    title: "batch as a bare list",
    source: "no source shows a batch: accepted to be safe",
    write: (facts) => [eventObject(facts), eventObject(another(facts))],
  },
  "P12-data": {
    title: "batch under data",
    source: "no source shows a batch: accepted to be safe",
    write: (facts) => ({ data: [eventObject(facts), eventObject(another(facts))] }),
  },
  "P12-deliveries": {
    title: "batch under deliveries",
    source: "no source shows a batch: accepted to be safe",
    write: (facts) => ({ deliveries: [eventObject(facts), eventObject(another(facts))] }),
  },
  "P12-wrapped": {
    title: "one event, its facts under data",
    source: "no source shows it: how many other services wrap events",
    write: (facts) => {
      const { event_id: id, event: type, created, ...data } = eventObject(facts);
      return { id, type, created, data };
    },
  },
} as const satisfies Readonly<Record<string, Shape>>;

export type SampleShape = keyof typeof SAMPLE_SHAPES;

// The keys of our own record.
export const SAMPLE_SHAPE_NAMES = Object.keys(SAMPLE_SHAPES) as readonly SampleShape[];

/** The body of a sample delivery, as bytes of JSON. */
export const writeSample = (shape: SampleShape, facts: SampleFacts): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(SAMPLE_SHAPES[shape].write(facts)));
