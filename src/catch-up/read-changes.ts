import type { Clock } from "../clock.ts";
import type { FastioEvent } from "../fastio/events/event.ts";
import type { Fastio } from "../fastio/types.ts";
import { readCursor, writeCursor } from "../ledger/cursors.ts";
import type { Db } from "../ledger/open-ledger.ts";
import type { Log } from "../telemetry/log.ts";
import { addUp, type Intaken, NOTHING, readRows, type TakeIn, withoutForgotten } from "./take-in.ts";
import type { WatchedWorkspace } from "./watched-workspaces.ts";

export type ReadChangesDeps = {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  readonly fastio: Pick<Fastio, "readChanges">;
  readonly takeIn: TakeIn;
};

export type ChangesRead =
  | { readonly kind: "read"; readonly intaken: Intaken }
  /** There was no cursor, or it was lost: what came before this one must be found in another way, then keep it. */
  | { readonly kind: "fresh_start"; readonly keep: () => Promise<void>; readonly lost: boolean }
  | { readonly kind: "unusable"; readonly why: "forbidden" | "unsupported" };

/** Rows of one call; the service allows 1,000. */
const PAGE_ROWS = 500;

const cursorName = (org: string): string => `changes ${org}`;

/**
 * Reads an organisation's changes from where the last read ended, page by page: each page is committed before its
 * cursor is. Events of workspaces that nobody watches are passed over.
 */
export async function readChanges(
  deps: ReadChangesDeps,
  { org, watched }: { readonly org: string; readonly watched: readonly WatchedWorkspace[] },
  signal: AbortSignal,
): Promise<ChangesRead> {
  const { db, clock, log, fastio, takeIn } = deps;
  const keep = (cursor: string) => writeCursor(db, cursorName(org), cursor, clock.now());
  const ids = new Set(watched.map(({ id }) => id));
  const takesUploads = watched.some((one) => one.takesUploads);
  // A share may be younger than the list of those that are watched.
  const isWatched = ({ workspaceId, shareId }: FastioEvent): boolean =>
    (workspaceId !== undefined && ids.has(workspaceId)) || (shareId !== undefined && takesUploads);
  const start = async (lost: boolean): Promise<ChangesRead> => {
    const head = await fastio.readChanges({ orgId: org }, signal);
    switch (head.kind) {
      case "page":
        return { kind: "fresh_start", keep: () => keep(head.cursor), lost };
      case "cursor_lost": // there was none to lose
        return { kind: "unusable", why: "unsupported" };
      default:
        return { kind: "unusable", why: head.kind };
    }
  };

  let cursor = (await readCursor(db, cursorName(org)))?.value;
  if (cursor === undefined) return start(false);
  for (let intaken = NOTHING; ; ) {
    const page = await fastio.readChanges({ orgId: org, cursor, limit: PAGE_ROWS }, signal);
    switch (page.kind) {
      case "page": {
        const events = readRows(page.rows, "changes", deps).filter(isWatched);
        intaken = addUp(intaken, await takeIn(await withoutForgotten(events, deps)));
        const moved = page.cursor !== cursor;
        if (moved) await keep(page.cursor);
        cursor = page.cursor;
        // A server that says there is more and stands still would keep us here for ever.
        if (!page.hasMore || !moved) return { kind: "read", intaken };
        break;
      }
      case "cursor_lost":
        log.warn("catch_up.cursor_lost", { org, why: page.why });
        return start(true);
      default:
        return { kind: "unusable", why: page.kind };
    }
  }
}
