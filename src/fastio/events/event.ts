import type { EventType } from "./event-names.ts";

/** The channel that told us. */
export type EventSource = "webhook" | "changes" | "search" | "activity" | "listing" | "manual";

export type ObjectKind = "file" | "folder" | "note" | "link" | "comment" | "share" | "member" | "ai" | "unknown";

/** One normalised fact about something in Fast.io. All ids are opaque strings as the sender spelled them. */
export type FastioEvent = {
  /** The sender's id for it, unique within its workspace, share or organisation; see `eventKey`. */
  readonly id: string;
  /** The sender gave none, so it is a hash of what the event says. */
  readonly idIsDerived: boolean;
  readonly source: EventSource;
  /** The sender's own name for what happened. */
  readonly rawType: string;
  readonly type: EventType;
  /** Milliseconds since the Unix epoch: as told, else when it was signed, else when it came. */
  readonly occurredAtMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly receivedAtMs: number;
  readonly workspaceId?: string | undefined;
  readonly shareId?: string | undefined;
  readonly orgId?: string | undefined;
  readonly objectKind: ObjectKind;
  /** For events about files and folders: the node id. Safe to put into a URL path. */
  readonly objectId?: string | undefined;
  readonly versionId?: string | undefined;
  readonly name?: string | undefined;
  /** Bytes. */
  readonly size?: number | undefined;
  readonly mimeType?: string | undefined;
  readonly parentId?: string | undefined;
  readonly actorUserId?: string | undefined;
  /**
   * The event as JSON, printed again: integers beyond 2^53 as strings, and what databases refuse (U+0000, halves of
   * surrogate pairs) as U+FFFD. Over 64 Ki characters it only says how long it was.
   */
  readonly raw: string;
};
