import { eq, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { cursors } from "./schema.ts";

/** How far a source was read, and when that was written down. */
export type Cursor = { readonly value: string; readonly updatedAtMs: number };

export async function readCursor(db: Db, name: string): Promise<Cursor | undefined> {
  const [row] = await db.select().from(cursors).where(eq(cursors.name, name));
  return row && { value: row.value, updatedAtMs: row.updatedAtMs };
}

/** All cursors whose names begin so. */
export function listCursors(db: Db, prefix: string): Promise<{ readonly name: string; readonly value: string }[]> {
  return db
    .select({ name: cursors.name, value: cursors.value })
    .from(cursors)
    .where(sql`starts_with(${cursors.name}, ${prefix})`);
}

/** Written after what was read is committed: a crash in between reads it again, which is harmless. */
export async function writeCursor(db: Db, name: string, value: string, nowMs: number): Promise<void> {
  await db
    .insert(cursors)
    .values({ name, value, updatedAtMs: nowMs })
    .onConflictDoUpdate({ target: cursors.name, set: { value, updatedAtMs: nowMs } });
}
