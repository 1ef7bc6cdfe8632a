import { and, eq, inArray, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { listedNodes } from "./schema.ts";

/** A file as a listing shows it. */
export type ListedNode = Omit<typeof listedNodes.$inferSelect, "workspaceId">;

const ROWS_A_STATEMENT = 1_000;

export async function readListing(db: Db, workspaceId: string): Promise<ReadonlyMap<string, ListedNode>> {
  const rows = await db.select().from(listedNodes).where(eq(listedNodes.workspaceId, workspaceId));
  return new Map(rows.map(({ workspaceId: _one, ...node }) => [node.nodeId, node]));
}

/** Remembers files as they are now, and forgets those that are gone. */
export async function writeListing(
  db: Db,
  workspaceId: string,
  change: { readonly changed: readonly ListedNode[]; readonly gone: readonly string[] },
): Promise<void> {
  for (const part of partsOf(change.changed)) {
    await db
      .insert(listedNodes)
      .values(part.map((node) => ({ workspaceId, ...node })))
      .onConflictDoUpdate({
        target: [listedNodes.workspaceId, listedNodes.nodeId],
        set: {
          versionId: sql`excluded.version_id`,
          parentId: sql`excluded.parent_id`,
          name: sql`excluded.name`,
        },
      });
  }
  for (const part of partsOf(change.gone)) {
    await db
      .delete(listedNodes)
      .where(and(eq(listedNodes.workspaceId, workspaceId), inArray(listedNodes.nodeId, [...part])));
  }
}

function partsOf<T>(rows: readonly T[]): T[][] {
  const parts: T[][] = [];
  for (let at = 0; at < rows.length; at += ROWS_A_STATEMENT) parts.push(rows.slice(at, at + ROWS_A_STATEMENT));
  return parts;
}
