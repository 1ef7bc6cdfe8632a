import { and, eq, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { leases } from "./schema.ts";

/**
 * Takes or renews what only one process may do at a time.
 * @returns whether it is ours now, until the given moment
 */
export async function takeLease(
  db: Db,
  lease: { readonly name: string; readonly owner: string; readonly untilMs: number },
  nowMs: number,
): Promise<boolean> {
  return (await taking(db).execute({ ...lease, nowMs })).length > 0;
}

const taking = builtOnce((db) =>
  db
    .insert(leases)
    .values({
      name: sql.placeholder("name"),
      owner: sql.placeholder("owner"),
      untilMs: sql.placeholder("untilMs"),
    })
    .onConflictDoUpdate({
      target: leases.name,
      set: { owner: sql`excluded.owner`, untilMs: sql`excluded.until_ms` },
      setWhere: sql`${leases.owner} = excluded.owner or ${leases.untilMs} < ${sql.placeholder("nowMs")}`,
    })
    .returning({ owner: leases.owner })
    .prepare(UNNAMED),
);

/** Gives it back, so that the next process need not wait for its end. */
export async function dropLease(db: Db, name: string, owner: string): Promise<void> {
  await db.delete(leases).where(and(eq(leases.name, name), eq(leases.owner, owner)));
}

/** Frees all of them: right after start on an embedded ledger, whose only user is this process. */
export async function dropAllLeases(db: Db): Promise<void> {
  await db.delete(leases);
}
