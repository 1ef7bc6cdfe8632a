import { sql } from "drizzle-orm";
import { listCursors } from "./cursors.ts";
import type { Db } from "./open-ledger.ts";
import { cursors, type EventRow } from "./schema.ts";

const FORGOTTEN = "forgotten ";

type Forgotten = Pick<EventRow, "workspaceId" | "shareId" | "occurredAtMs" | "receivedAtMs">;

/**
 * Until which moment of Fast.io's clock events were forgotten, by workspaces and by shares with files of their own: an
 * event that is found again and happened later was never known.
 */
export async function readForgotten(db: Db): Promise<ReadonlyMap<string, number>> {
  const told = await listCursors(db, FORGOTTEN);
  return new Map(told.map(({ name, value }) => [name.slice(FORGOTTEN.length), Number(value)]));
}

/** Writes down that these are forgotten; a moment only moves on. */
export async function noteForgotten(
  db: Pick<Db, "insert">,
  events: readonly Forgotten[],
  nowMs: number,
): Promise<void> {
  const until = new Map<string, number>();
  for (const { workspaceId, shareId, occurredAtMs, receivedAtMs } of events) {
    for (const scopeId of [workspaceId, shareId]) {
      if (scopeId === null) continue;
      until.set(scopeId, Math.max(until.get(scopeId) ?? 0, occurredAtMs ?? receivedAtMs));
    }
  }
  if (until.size === 0) return;
  const lines = [...until].map(([id, ms]) => ({ name: FORGOTTEN + id, value: String(ms), updatedAtMs: nowMs }));
  await db
    .insert(cursors)
    .values(lines)
    .onConflictDoUpdate({
      target: cursors.name,
      set: {
        value: sql`greatest(${cursors.value}::bigint, excluded.value::bigint)::text`,
        updatedAtMs: nowMs,
      },
    });
}
