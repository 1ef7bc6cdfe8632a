import type { Clock } from "../../../clock.ts";
import type { IdSource } from "../protocol/ids.ts";
import { idKey } from "../protocol/ids.ts";
import type { Activity } from "./activity.ts";

export type EventScope = {
  readonly orgId: string;
  readonly workspaceId?: string;
  readonly shareId?: string;
  /** The workspace a share belongs to; its webhooks hear of the share too. */
  readonly homeWorkspaceId?: string;
};

/** What the event is about, for payloads that tell more than an id. */
export type EventSubject = {
  readonly name?: string;
  readonly size?: number;
  readonly versionId?: string;
  readonly mimetype?: string;
  readonly parentId?: string;
};

export type EventRow = EventScope & {
  /** Position in the log, from 1. */
  readonly seq: number;
  readonly id: string;
  /** Fast.io's reference name, e.g. `workspace_storage_file_added`. */
  readonly event: string;
  readonly category: string;
  readonly subCategory: string;
  readonly createdMs: number;
  readonly objectId: string;
  /** Who did it; undefined for a guest without an account. */
  readonly userId: string | undefined;
  readonly subject: EventSubject;
  acknowledged: boolean;
};

export type EventWish = EventScope & {
  readonly event: string;
  readonly category: string;
  readonly subCategory: string;
  readonly objectId: string;
  readonly userId: string | undefined;
  readonly subject?: EventSubject;
  /** Activity key to raise beside the row, e.g. `storage:{node}`. */
  readonly activity?: string;
};

/** The audit log: one row for each change, in order, told to listeners as it is written. */
export type EventLog = {
  append(wish: EventWish): EventRow;
  all(): readonly EventRow[];
  find(id: string): EventRow | undefined;
  onAppend(listener: (row: EventRow) => void): void;
};

export function createEventLog(deps: {
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly activity: Activity;
}): EventLog {
  const rows: EventRow[] = [];
  const byId = new Map<string, EventRow>();
  const listeners: ((row: EventRow) => void)[] = [];
  return {
    append: ({ activity, subject, ...wish }) => {
      const row: EventRow = {
        ...wish,
        seq: rows.length + 1,
        id: deps.ids.opaque("a"),
        createdMs: deps.clock.now(),
        subject: subject ?? {},
        acknowledged: false,
      };
      rows.push(row);
      byId.set(idKey(row.id), row);
      const profiles = [row.workspaceId, row.shareId, row.orgId].filter((id) => id !== undefined);
      deps.activity.bump(profiles, activity ?? `event:${row.id}`);
      for (const listener of listeners) listener(row);
      return row;
    },
    all: () => rows,
    find: (id) => byId.get(idKey(id)),
    onAppend: (listener) => void listeners.push(listener),
  };
}
