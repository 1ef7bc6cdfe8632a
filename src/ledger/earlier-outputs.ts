import { and, asc, eq, isNotNull, notExists, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { earlierOutputs, outputs } from "./schema.ts";

export type EarlierOutput = typeof earlierOutputs.$inferSelect;

const ofRun = builtOnce((db) =>
  db
    .select()
    .from(earlierOutputs)
    .where(eq(earlierOutputs.runId, sql.placeholder("runId")))
    .orderBy(asc(earlierOutputs.name))
    .prepare(UNNAMED),
);

/** What deliveries of this run placed before its replay. */
export const listEarlierOutputs = (db: Db, runId: string): Promise<EarlierOutput[]> => ofRun(db).execute({ runId });

/** Those among them that the present delivery did not renew: they stay as they were. */
export const listKeptOutputs = (db: Db, runId: string): Promise<EarlierOutput[]> =>
  db
    .select()
    .from(earlierOutputs)
    .where(
      and(
        eq(earlierOutputs.runId, runId),
        notExists(
          db
            .select({ nodeId: outputs.nodeId })
            .from(outputs)
            .where(and(eq(outputs.runId, runId), eq(outputs.nodeId, earlierOutputs.nodeId))),
        ),
      ),
    )
    .orderBy(asc(earlierOutputs.name));

/** Puts what a run placed so far among its earlier outputs, and forgets its outputs. */
export async function setOutputsAside(db: Pick<Db, "select" | "insert" | "delete">, runId: string): Promise<void> {
  const placed = await db
    .select({ runId: outputs.runId, nodeId: outputs.nodeId, name: outputs.name, placedAtMs: outputs.placedAtMs })
    .from(outputs)
    .where(and(eq(outputs.runId, runId), isNotNull(outputs.nodeId)));
  for (const { nodeId, ...rest } of placed) {
    if (nodeId === null) continue;
    const row = { ...rest, nodeId };
    await db
      .insert(earlierOutputs)
      .values(row)
      .onConflictDoUpdate({ target: [earlierOutputs.runId, earlierOutputs.nodeId], set: row });
  }
  await db.delete(outputs).where(eq(outputs.runId, runId));
}
