import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PGlite } from "@electric-sql/pglite";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import type { PoolClient } from "pg";
import { PermanentError, RelayError } from "../errors.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import { cutSilent } from "./cut-silent.ts";
import { lockFolder } from "./folder-lock.ts";
import { folderOf } from "./folder-of.ts";
import { guardPool } from "./guard-pool.ts";
import { nameStatements } from "./name-statements.ts";
import { type OpenedFolder, openFolder } from "./open-folder.ts";
import { PLANNED_ONCE } from "./planned-once.ts";
import * as schema from "./schema.ts";
import { afterTooFewFiles } from "./too-few-files.ts";

/** Drizzle over either driver; queries are written once. */
export type Db = PgDatabase<PgQueryResultHKT, typeof schema>;

export type Ledger = {
  readonly kind: "pglite" | "postgres";
  readonly db: Db;
  /** The same for the workers, who ask the same for each run: what they ask is kept prepared, and goes by indexes. */
  readonly work: Db;
  /** The embedded database as the workers ask it, so that the queue can live in it too. */
  readonly pglite?: PGlite;
  /** Where the embedded database keeps its files. */
  readonly folder?: string;
  close(): Promise<void>;
};

export const MIGRATIONS = fileURLToPath(new URL("./migrations", import.meta.url));
const CONNECT_TIMEOUT_MS = 5_000;
export const CONNECTIONS = 10;
/**
 * A transaction that says nothing for so long has lost its process, machine and all: PostgreSQL would hear of that from
 * the network hours later, and what the transaction holds would be locked until then.
 */
const GIVEN_UP_AFTER_MS = 15_000;
/** Who waits for longer for what somebody else has locked fails, and is told of: else nobody would ever learn of it. */
const LOCK_TIMEOUT_MS = 30_000;
/**
 * PostgreSQL ends a statement that takes longer. With a million runs none takes three seconds, and what changes many of
 * them does so in parts, so one that does is lost: and since it is ended there, who hears nothing for a quarter longer
 * knows that the connection is lost.
 */
const STATEMENT_TIMEOUT_MS = 60_000;
/** A connection that is quiet for so long is asked whether the other side lives; by default the system waits two hours. */
export const KEEP_ALIVE_MS = 10_000;
export const WORK_CONNECTIONS = 10;
/** Longer than a relay at rest is quiet: a new connection costs more than all that it is asked in a minute then. */
export const IDLE_MS = 300_000;

/**
 * Opens the ledger and brings its schema up to date.
 * @param url `pglite:FOLDER` or `postgres://…` (PostgreSQL 15 or newer)
 * @param statementMs after how long PostgreSQL ends a statement; a connection is taken for lost a quarter later
 * @throws {PermanentError} `ledger_locked` when another process holds the folder, `ledger_unavailable` when it cannot be reached
 */
export async function openLedger(url: string, log: Log, statementMs = STATEMENT_TIMEOUT_MS): Promise<Ledger> {
  const folder = folderOf(url);
  return folder === undefined ? openPostgres(url, log, { statementMs }) : openPglite(folder, log);
}

/** No relay has made a ledger there yet, or it is not the place that was meant. */
export class NoLedgerError extends PermanentError {
  constructor(place: string) {
    super("ledger_unavailable", `there is no ledger in ${place}`, {
      nextAction:
        "relay start makes it; if a relay has its own elsewhere, go to its folder, correct DATABASE_URL, or say where that relay is: --url <address>",
    });
  }
}

/** What each of PostgreSQL's folders holds. */
const VERSION_FILE = "PG_VERSION";

/**
 * The same for who asks what a relay has done: makes no ledger where no relay has made one, which would be empty.
 * @throws {PermanentError} as `openLedger`
 * @throws {NoLedgerError} where there is none
 */
export async function openLedgerOfRelay(url: string, log: Log): Promise<Ledger> {
  const folder = folderOf(url);
  if (folder === undefined) return openPostgres(url, log, { hasToBeThere: true });
  if (!existsSync(join(folder, VERSION_FILE))) throw new NoLedgerError(folder);
  return openPglite(folder, log);
}

/** Each driver is loaded when it is asked for: the embedded one alone takes 50 MB. */
async function openPglite(folder: string, log: Log): Promise<Ledger> {
  try {
    return await openEmbedded(folder, log);
  } catch (error) {
    // A bug has no such call in it: what the system refuses is for a person to mend.
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new PermanentError("ledger_unavailable", `the ledger folder ${folder} cannot be used: ${error.message}`, {
      cause: error,
      nextAction:
        afterTooFewFiles(error.message) ??
        "give the relay a folder that it may write to, with room on its disk, through DATABASE_URL",
    });
  }
}

async function openEmbedded(folder: string, log: Log): Promise<Ledger> {
  const unlock = lockFolder(folder);
  let opened: OpenedFolder | undefined;
  const close = async (): Promise<void> => {
    await opened?.pglite.close();
    unlock();
  };
  try {
    const [{ drizzle }, { migrate }] = await Promise.all([
      import("drizzle-orm/pglite"),
      import("drizzle-orm/pglite/migrator"),
    ]);
    opened = await openFolder(folder, log);
    const db = drizzle(opened.pglite, { schema });
    await migrate(db, { migrationsFolder: MIGRATIONS, migrationsSchema: "relay" });
    const work = drizzle(opened.work, { schema });
    return { kind: "pglite", db, work, pglite: opened.work, folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openPostgres(
  url: string,
  log: Log,
  {
    statementMs = STATEMENT_TIMEOUT_MS,
    hasToBeThere = false,
  }: { readonly statementMs?: number; readonly hasToBeThere?: boolean },
): Promise<Ledger> {
  const [{ default: pg }, { drizzle }, { isThere, migratePostgres }] = await Promise.all([
    import("pg"),
    import("drizzle-orm/node-postgres"),
    import("./migrate-postgres.ts"),
  ]);
  const openPool = (max: number, ...more: readonly string[]) => {
    const settings = [
      `idle_in_transaction_session_timeout = ${GIVEN_UP_AFTER_MS}`,
      `lock_timeout = ${LOCK_TIMEOUT_MS}`,
      `statement_timeout = ${statementMs}`,
      ...more,
    ];
    const pool = new pg.Pool({
      connectionString: url,
      max,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_MS,
      // Not among the parameters of the start, which poolers such as PgBouncer refuse.
      onConnect: async (client) => {
        const asked = {
          text: settings.map((setting) => `set ${setting}`).join("; "),
          query_timeout: CONNECT_TIMEOUT_MS,
        };
        await client.query(asked);
      },
    });
    const end = guardPool(pool, (error) => log.warn("ledger.connection_lost", { message: error.message }));
    return { pool, end };
  };
  const { pool, end } = openPool(CONNECTIONS);
  const work = openPool(WORK_CONNECTIONS, ...PLANNED_ONCE);
  nameStatements(work.pool);
  const close = async (): Promise<void> => {
    await Promise.all([end(), work.end()]);
  };
  try {
    const client = await pool.connect();
    try {
      const db = drizzle(client);
      if (hasToBeThere && !(await isThere(db))) throw await noneFor(client);
      await migratePostgres(db, { migrationsFolder: MIGRATIONS, log });
    } finally {
      client.release();
    }
  } catch (error) {
    await close();
    if (error instanceof RelayError) throw error;
    throw new PermanentError("ledger_unavailable", `PostgreSQL: ${messageOf(error)}`, {
      cause: error,
      nextAction: "check DATABASE_URL, and that the server runs and the user may create schemas",
    });
  }
  // Not before: a migration may take its time.
  const endCuts = cutSilent([pool, work.pool], 1.25 * statementMs);
  return {
    kind: "postgres",
    db: drizzle(pool, { schema }),
    work: drizzle(work.pool, { schema }),
    close: async () => {
      endCuts();
      await close();
    },
  };
}

/** Whoever may make none learns it before the start does. */
async function noneFor(client: PoolClient): Promise<PermanentError> {
  const { rows } = await client.query<{ readonly name: string; readonly may: boolean }>(
    "select current_database() as name, has_database_privilege(current_database(), 'create') as may",
  );
  const place = `the database ${rows[0]?.name}`;
  if (rows[0]?.may) return new NoLedgerError(place);
  return new PermanentError("ledger_unavailable", `there is no ledger in ${place}, and this user may make none`, {
    nextAction: "correct DATABASE_URL, or let its user create schemas: grant create on database …",
  });
}
