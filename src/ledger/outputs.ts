import { and, asc, eq, isNull } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type OutputRow, outputs } from "./schema.ts";

export async function listOutputs(db: Db, runId: string): Promise<readonly OutputRow[]> {
  return db.select().from(outputs).where(eq(outputs.runId, runId)).orderBy(asc(outputs.ordinal));
}

/** Remembers an output; a repeat overwrites what was learned before, except where it was placed. */
export async function saveOutput(db: Db, output: typeof outputs.$inferInsert): Promise<void> {
  const { runId: _run, ordinal: _ordinal, ...rest } = output;
  await db
    .insert(outputs)
    .values(output)
    .onConflictDoUpdate({ target: [outputs.runId, outputs.ordinal], set: rest, setWhere: isNull(outputs.placedAtMs) });
}

/** Remembers where an output stands now; its text is in Fast.io from here on and leaves the ledger. */
export async function markPlaced(db: Db, runId: string, ordinal: number, nodeId: string, nowMs: number): Promise<void> {
  await db
    .update(outputs)
    .set({ nodeId, placedAtMs: nowMs, content: null })
    .where(and(eq(outputs.runId, runId), eq(outputs.ordinal, ordinal)));
}
