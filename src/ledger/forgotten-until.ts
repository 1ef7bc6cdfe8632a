import { sql } from "drizzle-orm";
import { listCursors } from "./cursors.ts";
import type { Db } from "./open-ledger.ts";
import { cursors, type EventRow } from "./schema.ts";

const FORGOTTEN = "forgotten ";
/** All shares together: there is one for each run, and a moment for each would grow with the files. */
const SHARES = "shares";

type Forgotten = Pick<EventRow, "workspaceId" | "shareId" | "occurredAtMs" | "receivedAtMs">;

/** What an event may be known by again, where a moment for it is kept. */
type Found = {
  readonly workspaceId?: string | undefined;
  readonly shareId?: string | undefined;
  readonly occurredAtMs: number;
};

/**
 * Until which moment of Fast.io's clock events of a workspace, or of shares, were forgotten: what is found again and
 * happened later was never known.
 * @returns tells whether an event may have been known and forgotten
 */
export async function readForgotten(db: Db): Promise<(event: Found) => boolean> {
  const told = await listCursors(db, FORGOTTEN);
  const until = new Map(told.map(({ name, value }) => [name.slice(FORGOTTEN.length), Number(value)]));
  return ({ workspaceId, shareId, occurredAtMs }) => {
    const scope = shareId === undefined ? workspaceId : SHARES;
    return occurredAtMs <= ((scope === undefined ? undefined : until.get(scope)) ?? 0);
  };
}

/**
 * Writes down that these are forgotten. A moment only moves on, and never beyond now: one event from the future would
 * make everything look forgotten.
 */
export async function noteForgotten(
  db: Pick<Db, "insert">,
  events: readonly Forgotten[],
  nowMs: number,
): Promise<void> {
  const until = new Map<string, number>();
  for (const { workspaceId, shareId, occurredAtMs, receivedAtMs } of events) {
    const atMs = Math.min(occurredAtMs ?? receivedAtMs, nowMs);
    for (const scope of [workspaceId, shareId && SHARES]) {
      if (scope) until.set(scope, Math.max(until.get(scope) ?? 0, atMs));
    }
  }
  if (until.size === 0) return;
  const lines = [...until].map(([scope, ms]) => ({ name: FORGOTTEN + scope, value: String(ms), updatedAtMs: nowMs }));
  const value = sql`greatest(${cursors.value}::bigint, excluded.value::bigint)::text`;
  await db
    .insert(cursors)
    .values(lines)
    .onConflictDoUpdate({ target: cursors.name, set: { value, updatedAtMs: nowMs } });
}
