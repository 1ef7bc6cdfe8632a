import { setTimeout as delay } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { PgDialect, type PgSession } from "drizzle-orm/pg-core";
import type { Log } from "../telemetry/log.ts";
import { isIndexStatement } from "./listed-indexes.ts";
import { rowsOf } from "./rows-of.ts";

/** Spells `RELA`; any fixed number that nobody else uses will do. */
const MIGRATION_LOCK = 0x52454c41;
/**
 * How long a change waits for a table that somebody reads or builds an index on. All who want the table after it wait
 * behind it, so it must not be long; it is tried again.
 */
const LOCK_TIMEOUT = "2s";
const TRY_AGAIN_MS = 1_000;

export type MigrateOptions = { readonly migrationsFolder: string; readonly log: Log };

/**
 * Brings the schema of a PostgreSQL up to date; processes that start together wait here for the first of them.
 * Into a ledger that is there already, indexes are not built: that would hold up everybody who writes. See `buildIndexes`.
 * @param db on one connection
 */
export async function migratePostgres(db: NodePgDatabase, { migrationsFolder, log }: MigrateOptions): Promise<void> {
  const config = { migrationsFolder, migrationsSchema: "relay" };
  const migrations = readMigrationFiles(config);
  const session = db._.session as unknown as PgSession; // what Drizzle's own migrator hands over, untyped there
  await db.execute(sql`select pg_advisory_lock(${MIGRATION_LOCK})`);
  try {
    const isNew = !(await isThere(db));
    await db.execute(sql.raw(`set lock_timeout = '${LOCK_TIMEOUT}'`));
    for (;;) {
      try {
        await new PgDialect().migrate(isNew ? migrations : migrations.map(withoutIndexes), session, config);
        return;
      } catch (error) {
        if (!isLockTimeout(error)) throw error;
        log.warn("ledger.migration_waits", { why: "a table is in use; it is tried again", afterMs: TRY_AGAIN_MS });
        await delay(TRY_AGAIN_MS);
      }
    }
  } finally {
    await db.execute(sql`reset lock_timeout`).catch(() => undefined);
    await db.execute(sql`select pg_advisory_unlock(${MIGRATION_LOCK})`).catch(() => undefined);
  }
}

const withoutIndexes = (migration: MigrationMeta): MigrationMeta => ({
  ...migration,
  sql: migration.sql.filter((statement) => !isIndexStatement(statement)),
});

async function isThere(db: NodePgDatabase): Promise<boolean> {
  const [answer] = rowsOf(await db.execute(sql`select to_regclass('relay.runs') is not null as there`));
  return answer?.["there"] === true;
}

function isLockTimeout(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  return typeof cause === "object" && cause !== null && "code" in cause && cause.code === "55P03";
}
