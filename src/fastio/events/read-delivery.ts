import type { FastioEvent } from "./event.ts";
import { field, isJsonObject, type JsonObject } from "./find-fields.ts";
import { type EventContext, type EventReading, eventNameOf, normaliseEvent } from "./normalise-event.ts";
import { parseLosslessJson } from "./parse-lossless-json.ts";

export type RejectedEvent = {
  /** Place in the batch, first is 0. */
  readonly index: number;
  readonly reason: string;
};

export type DeliveryReading =
  | {
      readonly kind: "events";
      readonly events: readonly FastioEvent[];
      /** Members of a batch that are no events; the rest is good all the same. */
      readonly rejected: readonly RejectedEvent[];
    }
  | { readonly kind: "ping" }
  | { readonly kind: "malformed"; readonly reason: string };

const MAX_BATCH_EVENTS = 1000;
const BATCH_KEYS = ["events", "deliveries", "data"] as const;

/**
 * The events in the body of a verified delivery: one event, flat or wrapped, or a batch as `[…]`, `{events:[…]}`,
 * `{data:[…]}` or `{deliveries:[…]}`. No source documents a batch, none rules it out. Nothing in a body makes it throw.
 *
 * A batch in which nothing is readable is malformed as a whole; an empty one is no events.
 */
export const readDelivery = (body: Uint8Array, context: EventContext): DeliveryReading => {
  const text = decodeUtf8(body);
  if (text === undefined) return { kind: "malformed", reason: "not UTF-8" };
  if (text.trim() === "") return { kind: "malformed", reason: "empty" };
  const json = parseLosslessJson(text);
  if (json.kind === "malformed") return json;
  const batch = findBatch(json.value);
  if (batch !== undefined) return readBatch(batch, context);
  if (!isJsonObject(json.value)) return { kind: "malformed", reason: "neither an object nor a list" };
  const reading = normaliseEvent(json.value, context);
  return reading.kind === "event" ? { kind: "events", events: [reading.event], rejected: [] } : reading;
};

/** Remembers nothing from one text to the next. */
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true });

/** Drops a byte order mark. */
const decodeUtf8 = (body: Uint8Array): string | undefined => {
  try {
    return STRICT_UTF8.decode(body);
  } catch {
    return undefined;
  }
};

type Batch = { readonly members: readonly unknown[]; readonly envelope?: JsonObject };

const findBatch = (value: unknown): Batch | undefined => {
  if (Array.isArray(value)) return { members: value };
  if (!isJsonObject(value)) return undefined;
  for (const key of BATCH_KEYS) {
    const members = field(value, key);
    // PHP prints an empty object as `[]`: beside an event's name that is a field, not a batch.
    const isField = eventNameOf(value) !== undefined && Array.isArray(members) && !members.some(isJsonObject);
    if (Array.isArray(members) && !isField) return { members, envelope: value };
  }
  return undefined;
};

const readBatch = ({ members, envelope }: Batch, context: EventContext): DeliveryReading => {
  if (members.length > MAX_BATCH_EVENTS) return { kind: "malformed", reason: `more than ${MAX_BATCH_EVENTS} events` };
  const readings: readonly EventReading[] = members.map((member, index) => {
    const { deliveryHeaderId } = context;
    // One header names them all, so each gets its place added.
    const own = deliveryHeaderId && { deliveryHeaderId: `${deliveryHeaderId}.${index}` };
    return normaliseEvent(member, { ...context, ...own }, envelope);
  });
  const events: FastioEvent[] = [];
  const rejected: RejectedEvent[] = [];
  let pings = 0;
  for (const [index, reading] of readings.entries()) {
    if (reading.kind === "event") events.push(reading.event);
    else if (reading.kind === "malformed") rejected.push({ index, reason: reading.reason });
    else pings += 1;
  }
  const [first] = rejected;
  if (events.length === 0 && pings === 0 && first !== undefined) {
    return { kind: "malformed", reason: `event ${first.index}: ${first.reason}` };
  }
  return events.length === 0 && rejected.length === 0 && pings > 0
    ? { kind: "ping" }
    : { kind: "events", events, rejected };
};
