import { type PgPool, runMigrations } from "bullmq";
import type { QueueBackend, QueueConfig, QueueDeps } from "../backend.ts";
import { createOutage } from "./outage.ts";
import { createPglitePool } from "./pglite-pool.ts";
import { addSqlJobs, openSqlQueue, openSqlWorker, readSqlStates, SCHEMA } from "./sql-queue.ts";
import { assembleBackend, type Store } from "./store.ts";

/**
 * The database runs in our thread: long work of ours delays the renewal of locks, and with them
 * the check for dead workers. Nobody else can hold jobs here, so a lock may well be long.
 */
const LOCK_MS = 30_000;
const STALLED_CHECK_MS = 5_000;

/**
 * BullMQ inside an embedded PGlite, which may hold other schemas too; its session's search path is set to BullMQ's.
 * One backend an instance: jobs held when it opens are taken for those of a process that died.
 */
export async function createPgliteBackend(
  config: Extract<QueueConfig, { kind: "pglite" }>,
  deps: QueueDeps,
): Promise<QueueBackend> {
  const { pglite, tuning } = config;
  const pool = createPglitePool(pglite);
  const client = await pool.connect();
  try {
    await runMigrations(client, SCHEMA);
    await client.query(`set search_path to ${SCHEMA}, public`);
  } finally {
    client.release();
  }
  await releaseHeldJobs(pool);

  const store: Store = {
    kind: "pglite",
    isOutage: () => false,
    outage: createOutage("pglite", deps.log),
    openQueue: (name, options) => openSqlQueue(name, options, pool),
    openWorker: (name, process, options) => ({
      worker: openSqlWorker(name, process, options, pool),
      release: async () => undefined,
    }),
    addMany: (queue, entries) => addSqlJobs(pool, queue.name, entries, deps.clock.now()),
    readStates: (queue, ids) => readSqlStates(pool, queue.name, ids),
    close: async () => undefined,
  };
  deps.log.debug("queue.opened", { kind: "pglite", schema: SCHEMA });
  return assembleBackend(store, { lockMs: LOCK_MS, stalledCheckMs: STALLED_CHECK_MS, ...tuning }, deps);
}

/**
 * Lets the first check for dead workers find every job that the last process held. The folder's lock
 * admits one process at a time, so whoever held them is gone; waiting for their locks would be waiting for nobody.
 */
async function releaseHeldJobs(pool: PgPool): Promise<void> {
  await pool.query(`update ${SCHEMA}.job set locked_until_ms = 0, stalled_marked = true where state = 'active'`);
  await pool.query(`delete from ${SCHEMA}.meta where field = 'stalled-check'`);
}
