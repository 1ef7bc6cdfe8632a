import { formatTime } from "../protocol/times.ts";
import type { EventRow } from "../store/events.ts";
import type { Shape } from "../store/hooks.ts";
import { dottedName, verbName } from "./event-names.ts";

const isoSeconds = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

function dotted(row: EventRow): Record<string, unknown> {
  return {
    event: dottedName(row.event),
    event_id: row.id,
    workspace_id: row.workspaceId ?? row.homeWorkspaceId,
    ...(row.shareId === undefined ? {} : { share_id: row.shareId }),
    file_id: row.objectId,
    ...(row.subject.versionId === undefined ? {} : { version: row.subject.versionId }),
    user_id: row.userId ?? null,
    timestamp: isoSeconds(row.createdMs),
  };
}

function eventObject(row: EventRow): Record<string, unknown> {
  return {
    event_id: row.id,
    event: row.event,
    created: formatTime(row.createdMs),
    ...(row.workspaceId === undefined ? {} : { workspace_id: row.workspaceId }),
    ...(row.shareId === undefined ? {} : { share_id: row.shareId }),
    object_id: row.objectId,
  };
}

function camelCase(row: EventRow): Record<string, unknown> {
  return {
    eventType: verbName(row.event),
    workspaceId: row.workspaceId ?? row.homeWorkspaceId,
    fileId: row.objectId,
    ...(row.subject.name === undefined ? {} : { fileName: row.subject.name }),
    ...(row.subject.size === undefined ? {} : { fileSize: row.subject.size }),
    userId: row.userId ?? null,
    timestamp: isoSeconds(row.createdMs),
    eventId: row.id,
  };
}

/** The JSON body of a delivery; only shape P12 carries more than one event. */
export function payloadOf(shape: Shape, rows: readonly [EventRow, ...EventRow[]]): Record<string, unknown> {
  const [row] = rows;
  switch (shape) {
    case "P1":
      return dotted(row);
    case "P2":
      return eventObject(row);
    case "P3":
      return camelCase(row);
    case "P12":
      return { events: rows.map(eventObject) };
    default:
      return shape satisfies never;
  }
}
