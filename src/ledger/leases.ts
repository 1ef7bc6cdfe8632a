import { and, eq, sql } from "drizzle-orm";
import { WRONG_BY_MS } from "../watch-clock.ts";
import { builtOnce } from "./built-once.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { leases } from "./schema.ts";

/**
 * Takes or renews what only one process may do at a time. Nobody takes it for so long that a clock would have to be wrong;
 * what lasts longer was taken by one that was, and its owner may be dead: then nobody would do its work until that time has
 * come. Two processes whose clocks differ by as much take it from each other.
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
      setWhere: sql`${leases.owner} = excluded.owner or ${leases.untilMs} < ${sql.placeholder("nowMs")}
        or ${leases.untilMs} > ${sql.placeholder("nowMs")}::bigint + ${sql.raw(String(WRONG_BY_MS))}`,
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
