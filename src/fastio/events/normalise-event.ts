import type { EventSource, FastioEvent, ObjectKind } from "./event.ts";
import { hashParts } from "./event-keys.ts";
import { canonicalEventType, type EventType, splitEventName } from "./event-names.ts";
import { field, idIn, isJsonObject, type JsonObject, nestedIdIn, objectsIn, textIn } from "./find-fields.ts";
import { parseTime } from "./parse-time.ts";
import { printRaw } from "./print-raw.ts";

export type EventContext = {
  /** Milliseconds since the Unix epoch. */
  readonly receivedAtMs: number;
  readonly source: EventSource;
  /** The time in the signature, for events that tell none. */
  readonly signedAtMs?: number | undefined;
  /** What the sender calls the delivery, for events that have no id. */
  readonly deliveryHeaderId?: string | undefined;
};

export type EventReading =
  | { readonly kind: "event"; readonly event: FastioEvent }
  | { readonly kind: "ping" }
  | { readonly kind: "malformed"; readonly reason: string };

const MAX_ID_CHARS = 200;
const MAX_TYPE_CHARS = 200;
const MAX_NAME_CHARS = 1024;

/** Control characters and halves of surrogate pairs: in no honest id, and refused by databases and headers. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;
/** Ids that become a part of a URL path must be unable to become another path. */
const PATH_SAFE = /^(?!\.{1,2}$)[^\s/\\?#%]+$/;

/**
 * Makes one event of whatever a sender calls one: a webhook payload (flat or wrapped, snake or camel case), a row of
 * the changes feed or of event search.
 *
 * @param row parsed JSON; parse it with `parseLosslessJson`, or numeric ids beyond 2^53 are lost
 * @param envelope the object around a batch, asked for what the row does not say itself
 */
export const normaliseEvent = (row: unknown, context: EventContext, envelope?: JsonObject): EventReading => {
  if (!isJsonObject(row)) return { kind: "malformed", reason: "not an object" };
  const parts = readParts(row, envelope);
  const named = findRawType(parts);
  if (named === undefined) {
    return field(row, "test") === true ? { kind: "ping" } : { kind: "malformed", reason: "no event type" };
  }
  const { rawType, primary } = named;
  if (rawType.length > MAX_TYPE_CHARS || UNPRINTABLE.test(rawType)) {
    return { kind: "malformed", reason: "unusable event type" };
  }
  const type = canonicalEventType(rawType);
  if (type === "ping") return { kind: "ping" };

  const scope = readScope(parts.all);
  const object = readObject(parts, primary);
  const actorUserId = readActor(parts.all);
  const ownId = idIn(parts.own, "event_id", "eventId") ?? idIn([primary, row], "id") ?? context.deliveryHeaderId;
  const fault =
    findUnusableId({ ...scope, objectId: object.objectId, parentId: object.parentId }, PATH_SAFE) ??
    findUnusableId({ id: ownId, versionId: object.versionId, actorUserId });
  if (fault !== undefined) return { kind: "malformed", reason: `unusable ${fault}` };

  const occurredAtMs = readTime([primary, ...parts.all]) ?? context.signedAtMs ?? context.receivedAtMs;
  const raw = printRaw(row);
  const { objectId, versionId } = object;
  const scopeId = scope.shareId ?? scope.workspaceId ?? scope.orgId;
  // Without an object the rest would make one event of many, so the whole text counts.
  const rest = objectId === undefined ? raw : undefined;
  const id = ownId ?? `derived-${hashParts(context.source, rawType, scopeId, objectId, versionId, occurredAtMs, rest)}`;
  return {
    kind: "event",
    event: {
      id,
      idIsDerived: ownId === undefined,
      source: context.source,
      rawType,
      type,
      occurredAtMs,
      receivedAtMs: context.receivedAtMs,
      ...scope,
      objectKind: readObjectKind(type, rawType, parts.all),
      ...object,
      actorUserId,
      raw,
    },
  };
};

type Parts = {
  readonly row: JsonObject;
  /** The row and the wrappers inside it. */
  readonly own: readonly JsonObject[];
  /** Those, and the envelope of the batch last. */
  readonly all: readonly JsonObject[];
};

const readParts = (row: JsonObject, envelope: JsonObject | undefined): Parts => {
  const wrapped = objectsIn([row], "event", "payload", "data", "object");
  const own = [row, ...wrapped, ...objectsIn(wrapped, "event", "payload", "data", "object")];
  return { row, own, all: envelope === undefined ? own : [...own, envelope] };
};

const TYPE_KEYS = ["event", "eventType", "event_type", "type"] as const;

/** What an object calls the event it tells of; undefined when it names none. */
export const eventNameOf = (object: JsonObject): string | undefined => {
  const name = textIn([object], ...TYPE_KEYS)?.trim();
  return name === "" ? undefined : name;
};

/** The event's name and the object that says it; that object's `id` is the event's, not the file's. */
const findRawType = ({
  row,
  own,
  all,
}: Parts): { readonly rawType: string; readonly primary: JsonObject } | undefined => {
  for (const key of TYPE_KEYS) {
    const primary = own.find((object) => textIn([object], key)?.trim());
    const rawType = primary && textIn([primary], key)?.trim();
    if (primary !== undefined && rawType !== undefined) return { rawType, primary };
  }
  // A `name` is a file's far more often than an event's, so only names we know count.
  const name = textIn([row], "name");
  if (name !== undefined && name.length <= MAX_TYPE_CHARS && canonicalEventType(name) !== "other") {
    return { rawType: name, primary: row };
  }
  const rawType = all.map(eventNameOf).find((each) => each !== undefined);
  return rawType === undefined ? undefined : { rawType, primary: row };
};

const readScope = (all: readonly JsonObject[]) => {
  const profileType = textIn(all, "profile_type", "profileType")?.trim();
  const profileOf = (type: string) => (profileType === type ? idIn(all, "profile_id", "profileId") : undefined);
  const workspaceId =
    idIn(all, "workspace_id", "workspaceId") ?? nestedIdIn(all, "workspace") ?? profileOf("workspace");
  return {
    workspaceId: workspaceId?.replace(/^ws_/, ""),
    shareId: idIn(all, "share_id", "shareId") ?? nestedIdIn(all, "share") ?? profileOf("share"),
    orgId: idIn(all, "org_id", "orgId") ?? nestedIdIn(all, "organization", "org") ?? profileOf("org"),
  };
};

const OBJECT_ID_KEYS = ["object_id", "objectId", "file_id", "fileId", "node_id", "nodeId"] as const;

const readObject = ({ row, own }: Parts, primary: JsonObject) => {
  const details = objectsIn(own, "file", "node", "folder");
  const wrapped = own.filter((object) => object !== row && object !== primary);
  const objectId = idIn(own, ...OBJECT_ID_KEYS) ?? idIn([...details, ...wrapped], "id");
  // A bare `version` may be that of the payload's format, unless it stands beside the object's id.
  const beside = own.filter((object) => idIn([object], ...OBJECT_ID_KEYS) !== undefined || wrapped.includes(object));
  const size = Number(idIn([...own, ...details], "fileSize", "file_size", "size"));
  const rawName =
    textIn([...own, ...details], "fileName", "file_name", "filename") ?? textIn([...details, ...own], "name");
  return {
    // Activity keys put the kind in front: `storage:<node id>`.
    objectId: objectId?.replace(/^[a-z_]+:/, ""),
    versionId: idIn([...own, ...details], "version_id", "versionId") ?? idIn([...beside, ...details], "version"),
    name:
      rawName === undefined || rawName.length > MAX_NAME_CHARS
        ? undefined
        : rawName.replace(/[\p{Cc}\p{Cs}]/gu, "\ufffd"),
    size: Number.isSafeInteger(size) && size >= 0 ? size : undefined,
    mimeType: readMimeType([...own, ...details]),
    parentId: idIn([...own, ...details], "parent_id", "parentId", "parent", "folder_id", "folderId"),
  };
};

const readMimeType = (objects: readonly JsonObject[]): string | undefined => {
  const text = textIn(objects, "mimetype", "mimeType", "mime_type", "contentType", "content_type")?.trim();
  return text !== undefined && /^[\x21-\x7e ]{1,255}$/.test(text) ? text : undefined;
};

/** `user_id` last: where both are told, it may be another person than the one who acted. */
const readActor = (all: readonly JsonObject[]): string | undefined =>
  idIn(all, "calling_user_id", "callingUserId") ??
  nestedIdIn(all, "calling_user") ??
  idIn(all, "calling_user", "user_id", "userId") ??
  nestedIdIn(all, "user", "actor");

/** Object by object, since the `created` of a file inside is not the time of the event outside. */
const readTime = (objects: readonly JsonObject[]): number | undefined => {
  for (const object of objects) {
    for (const key of ["created", "timestamp", "created_at", "createdAt", "occurred_at", "occurredAt"]) {
      const ms = parseTime(field(object, key));
      if (ms !== undefined) return ms;
    }
  }
  return undefined;
};

const KIND_BY_PREFIX: ReadonlyMap<string, ObjectKind> = new Map([
  ["file", "file"],
  ["folder", "folder"],
  ["note", "note"],
  ["link", "link"],
  ["comment", "comment"],
  ["share", "share"],
  ["fileshare", "share"],
  ["quickshare", "share"],
  ["member", "member"],
  ["ai", "ai"],
]);

const NODE_KINDS: ReadonlySet<ObjectKind> = new Set(["file", "folder", "note", "link"]);

const readObjectKind = (type: EventType, rawType: string, all: readonly JsonObject[]): ObjectKind => {
  const subject = type === "other" ? splitEventName(rawType)?.object : type.split(".")[0];
  const byType = KIND_BY_PREFIX.get(subject ?? "") ?? "unknown";
  // Notes and links raise file events too; what the object says of itself is the finer answer.
  const told = KIND_BY_PREFIX.get(textIn(all, "object_type", "objectType", "node_type", "nodeType") ?? "");
  const toldInside = KIND_BY_PREFIX.get(textIn(objectsIn(all, "file", "node", "object", "data"), "type") ?? "");
  const kind = told ?? toldInside;
  return kind !== undefined && (byType === "file" || byType === "unknown") && NODE_KINDS.has(kind) ? kind : byType;
};

const findUnusableId = (ids: Readonly<Record<string, string | undefined>>, safe?: RegExp): string | undefined => {
  for (const [name, id] of Object.entries(ids)) {
    if (id === undefined) continue;
    if (id.length > MAX_ID_CHARS || UNPRINTABLE.test(id) || safe?.test(id) === false) return name;
  }
  return undefined;
};
