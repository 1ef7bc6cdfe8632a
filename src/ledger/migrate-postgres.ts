import { setTimeout as delay } from "node:timers/promises";
import { sql } from "drizzle-orm";
import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import { PgDialect, type PgSession } from "drizzle-orm/pg-core";
import { TransientError } from "../errors.ts";
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
/** How long another process may take to change the schema until it is told of, and until nobody waits any more. */
const TOLD_AFTER_MS = 5_000;
export const GIVEN_UP_AFTER_MS = 120_000;

export type MigrateOptions = { readonly migrationsFolder: string; readonly log: Log };

/**
 * Brings the schema of a PostgreSQL up to date; processes that start together wait here for the first of them. One that
 * is up to date is left alone: that takes no right to change it, and no lock.
 * Into a ledger that is there already, indexes are not built: that would hold up everybody who writes. See `startBuildingIndexes`.
 * @param db on one connection
 * @throws {TransientError} `ledger_unavailable` when another session keeps the schema to itself for too long
 */
export async function migratePostgres(db: NodePgDatabase, { migrationsFolder, log }: MigrateOptions): Promise<void> {
  const config = { migrationsFolder, migrationsSchema: "relay" };
  const migrations = readMigrationFiles(config);
  const session = db._.session as unknown as PgSession; // what Drizzle's own migrator hands over, untyped there
  if (await isUpToDate(db, migrations)) return;
  await takeLock(db, log);
  const usual = await timeoutsOf(db);
  try {
    const isNew = !(await isThere(db));
    // What a database or a role is given for its statements is meant for others: no upgrade would ever end.
    await db.execute(sql.raw(`set lock_timeout = '${LOCK_TIMEOUT}'; set statement_timeout = 0`));
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
    for (const [name, value] of Object.entries(usual))
      await db.execute(sql`select set_config(${name}, ${value}, false)`).catch(() => undefined);
    await db.execute(sql`select pg_advisory_unlock(${MIGRATION_LOCK})`).catch(() => undefined);
  }
}

const withoutIndexes = (migration: MigrationMeta): MigrationMeta => ({
  ...migration,
  sql: migration.sql.filter((statement) => !isIndexStatement(statement)),
});

async function isUpToDate(db: NodePgDatabase, migrations: readonly MigrationMeta[]): Promise<boolean> {
  const [table] = rowsOf(await db.execute(sql`select to_regclass('relay.__drizzle_migrations') is not null as there`));
  if (table?.["there"] !== true) return false;
  // As Drizzle decides it: by the time of the newest.
  const [newest] = rowsOf(await db.execute(sql`select max(created_at)::text as at from relay.__drizzle_migrations`));
  return Number(newest?.["at"] ?? -1) >= (migrations.at(-1)?.folderMillis ?? 0);
}

/** A session that stands still may have it, or one whose machine is gone: whoever waited for that would never tell. */
async function takeLock(db: NodePgDatabase, log: Log): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += TRY_AGAIN_MS) {
    const [answer] = rowsOf(await db.execute(sql`select pg_try_advisory_lock(${MIGRATION_LOCK}) as mine`));
    if (answer?.["mine"] === true) return;
    if (waitedMs >= GIVEN_UP_AFTER_MS) {
      throw new TransientError("ledger_unavailable", `PostgreSQL: ${await holderOfLock(db)}`, {
        nextAction: "let it end, or end it with pg_terminate_backend, and start again",
      });
    }
    if (waitedMs === TOLD_AFTER_MS)
      log.warn("ledger.migration_waits", { why: await holderOfLock(db), afterMs: TRY_AGAIN_MS });
    await delay(TRY_AGAIN_MS);
  }
}

async function holderOfLock(db: NodePgDatabase): Promise<string> {
  const [holder] = rowsOf(
    await db.execute(sql`
      select pid from pg_locks
      where locktype = 'advisory' and classid = 0 and objid = ${MIGRATION_LOCK}::oid and granted
        and database = (select oid from pg_database where datname = current_database())`),
  );
  return `the session ${holder?.["pid"] ?? "of another process"} keeps the schema to itself while it changes it`;
}

/** This connection's own; a reset would tell it those that the database or the role is given. */
async function timeoutsOf(db: NodePgDatabase): Promise<Record<string, unknown>> {
  const [timeouts] = rowsOf(
    await db.execute(sql`
      select current_setting('lock_timeout') as lock_timeout, current_setting('statement_timeout') as statement_timeout`),
  );
  return timeouts ?? {};
}

/** Whether a relay has made its ledger there. */
export async function isThere(db: NodePgDatabase): Promise<boolean> {
  const [answer] = rowsOf(await db.execute(sql`select to_regclass('relay.runs') is not null as there`));
  return answer?.["there"] === true;
}

function isLockTimeout(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  return typeof cause === "object" && cause !== null && "code" in cause && cause.code === "55P03";
}
