import { sql } from "drizzle-orm";
import pg from "pg";
import type { Clock } from "../clock.ts";
import { messageOf } from "../message-of.ts";
import type { Log } from "../telemetry/log.ts";
import { listIndexes } from "./listed-indexes.ts";
import { type Db, KEEP_ALIVE_MS, MIGRATIONS } from "./open-ledger.ts";
import { rowsOf } from "./rows-of.ts";

export type BuildIndexesDeps = {
  readonly db: Db;
  /** Of the PostgreSQL behind it. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
};

/** Spells `RELI`. */
const INDEX_LOCK = 0x52454c49;
/** Until it is looked again whether another process has built them, or after a failure. */
const LOOK_AGAIN_MS = 15_000;
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Builds the indexes that an upgrade brought and drops those it does without, while everybody goes on reading and
 * writing; until then what they are for is slower. One process at a time does it. What a process that died left
 * half-built is built anew.
 * @returns stops it; a statement that runs is finished by PostgreSQL itself
 */
export function startBuildingIndexes(deps: BuildIndexesDeps): () => Promise<void> {
  const { clock, log } = deps;
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      try {
        if ((await findWork(deps.db)).length === 0 || (await build(deps, stopping.signal))) return;
      } catch (error) {
        if (!stopping.signal.aborted) log.warn("ledger.index_not_built", { message: messageOf(error) });
      }
      await clock.sleep(LOOK_AGAIN_MS, stopping.signal).catch(() => undefined);
    }
  })();
  return async () => {
    stopping.abort(new Error("the relay stops"));
    await running;
  };
}

type Work = { readonly index: string; readonly statements: readonly string[] };

/** What differs between the indexes that are there and those that are to be. */
async function findWork(db: Db): Promise<readonly Work[]> {
  const { wanted, unwanted, newestMs } = listIndexes(MIGRATIONS);
  const [newest] = rowsOf(await db.execute(sql`select max(created_at)::text as at from relay.__drizzle_migrations`));
  // Beside a newer version: what it dropped is not ours to build again.
  if (Number(newest?.["at"] ?? 0) > newestMs) return [];
  const found = rowsOf(
    await db.execute(sql`
      select c.relname as name, i.indisvalid as valid
      from pg_index i join pg_class c on c.oid = i.indexrelid
      where c.relnamespace = 'relay'::regnamespace`),
  );
  const valid = new Map(found.map((row) => [String(row["name"]), row["valid"] === true]));
  const drop = (name: string): string => `DROP INDEX CONCURRENTLY IF EXISTS "relay"."${name}"`;
  return [
    ...[...wanted]
      .filter(([name]) => valid.get(name) !== true)
      .map(([index, statement]) => ({
        index,
        statements: [
          // A build that was broken off leaves an index that is kept up to date and never read.
          ...(valid.has(index) ? [drop(index)] : []),
          statement.replace(/^CREATE INDEX/, "CREATE INDEX CONCURRENTLY IF NOT EXISTS"),
        ],
      })),
    ...[...unwanted].filter((name) => valid.has(name)).map((index) => ({ index, statements: [drop(index)] })),
  ];
}

/** @returns false when another process is at it */
async function build({ db, url, clock, log }: BuildIndexesDeps, signal: AbortSignal): Promise<boolean> {
  // Of its own: such a statement runs for minutes, in no transaction.
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  });
  client.on("error", () => undefined); // the statement that fails tells it
  const cut = (): void => void client.end().catch(() => undefined);
  signal.addEventListener("abort", cut, { once: true });
  try {
    await client.connect();
    // Never waited for: a session that waits for a lock is one whose transaction such a build waits for.
    const { rows } = await client.query("select pg_try_advisory_lock($1) as mine", [INDEX_LOCK]);
    if (rows[0]?.mine !== true) return false;
    // With what a database or a role is given for its statements, a large one would be begun again for ever.
    await client.query("set statement_timeout = 0");
    for (const { index, statements } of await findWork(db)) {
      const startedMs = clock.now();
      for (const statement of statements) await client.query(statement);
      log.info("ledger.index_settled", { index, tookMs: clock.now() - startedMs });
    }
    return true;
  } finally {
    signal.removeEventListener("abort", cut);
    await client.end().catch(() => undefined);
  }
}
