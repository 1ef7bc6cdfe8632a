/** An event as the server told it, integers beyond 2^53 kept as text: ready for `normaliseEvent`. */
export type EventRow = Readonly<Record<string, unknown>>;

export type ChangesOutcome =
  | {
      readonly kind: "page";
      readonly rows: readonly EventRow[];
      /** Where to read on; remember it after the rows are dealt with. */
      readonly cursor: string;
      readonly hasMore: boolean;
    }
  /** Begin anew without a cursor, and find what was missed by searching. */
  | { readonly kind: "cursor_lost"; readonly why: "expired" | "invalid" }
  /** This key may read nothing of the organisation. */
  | { readonly kind: "forbidden" }
  /** This server has no changes feed. */
  | { readonly kind: "unsupported" };

export type EventScope =
  | { readonly workspaceId: string }
  | { readonly shareId: string }
  | { readonly orgId: string }
  | { readonly userId: string };

export type EventQuery = EventScope & {
  /** Milliseconds since the Unix epoch, whole seconds count; the earliest wanted. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Exact name, e.g. `workspace_storage_file_added`. */
  readonly event?: string | undefined;
  /** The node, member or share it is about. */
  readonly objectId?: string | undefined;
};

export type ActivityOutcome = {
  /** What changed, e.g. `storage:2abc…`; hints only: read the thing itself. */
  readonly keys: readonly string[];
  /** Give it to the next call. */
  readonly lastActivity: string;
};

/** What happened in Fast.io, asked for instead of delivered. */
export type FastioFeed = {
  /** Changes of an organisation since the cursor; without one, no rows and the cursor of now. */
  readChanges(
    feed: { readonly orgId: string; readonly cursor?: string | undefined; readonly limit?: number | undefined },
    signal: AbortSignal,
  ): Promise<ChangesOutcome>;
  /**
   * Events page by page, until an empty page: rows we may not see are taken out after paging, so a short page means
   * nothing. The same event may come twice. What happens after the first page is for another search. Stays within the published limits of event search by waiting.
   */
  searchEvents(query: EventQuery, signal: AbortSignal): AsyncGenerator<readonly EventRow[]>;
  /**
   * Waits for something to change in a workspace, share, organisation, or for our own user (uploads).
   * @param wish `waitSeconds` up to 90, 0 answers at once; `lastActivity` from the call before
   */
  pollActivity(
    wish: {
      readonly profileId: string;
      readonly lastActivity?: string | undefined;
      readonly waitSeconds: number;
    },
    signal: AbortSignal,
  ): Promise<ActivityOutcome>;
};
