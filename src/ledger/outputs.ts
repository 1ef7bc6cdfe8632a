import { and, asc, eq, isNull, sql } from "drizzle-orm";
import { builtOnce, UNNAMED } from "./built-once.ts";
import type { Db } from "./open-ledger.ts";
import { type OutputRow, outputs } from "./schema.ts";

const ofRun = builtOnce((db) =>
  db
    .select()
    .from(outputs)
    .where(eq(outputs.runId, sql.placeholder("runId")))
    .orderBy(asc(outputs.ordinal))
    .prepare(UNNAMED),
);

export async function listOutputs(db: Db, runId: string): Promise<readonly OutputRow[]> {
  return ofRun(db).execute({ runId });
}

/** Remembers an output; a repeat overwrites what was learned before, except where it was placed. */
export async function saveOutput(db: Db, output: typeof outputs.$inferInsert): Promise<void> {
  const { runId: _run, ordinal: _ordinal, ...rest } = output;
  await db
    .insert(outputs)
    .values(output)
    .onConflictDoUpdate({ target: [outputs.runId, outputs.ordinal], set: rest, setWhere: isNull(outputs.placedAtMs) });
}

const placed = builtOnce((db) =>
  db
    .update(outputs)
    .set({
      nodeId: sql`${sql.placeholder("nodeId")}`,
      placedAtMs: sql`${sql.placeholder("nowMs")}`,
      content: null,
    })
    .where(and(eq(outputs.runId, sql.placeholder("runId")), eq(outputs.ordinal, sql.placeholder("ordinal"))))
    .prepare(UNNAMED),
);

/** Remembers where an output stands now; its text is in Fast.io from here on and leaves the ledger. */
export async function markPlaced(db: Db, runId: string, ordinal: number, nodeId: string, nowMs: number): Promise<void> {
  await placed(db).execute({ runId, ordinal, nodeId, nowMs });
}
