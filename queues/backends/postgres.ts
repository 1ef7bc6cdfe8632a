import { type PgPool, runMigrations } from "bullmq";
import pg from "pg";
import { TransientError } from "../../src/errors.ts";
import { guardPool } from "../../src/ledger/guard-pool.ts";
import { IDLE_MS } from "../../src/ledger/open-ledger.ts";
import type { QueueBackend, QueueConfig, QueueDeps } from "../backend.ts";
import { createOutage } from "./outage.ts";
import { isPostgresOutage, withPatientFirstLook, withPlainOutages } from "./postgres-outage.ts";
import { addSqlJobs, openSqlQueue, openSqlWorker, readSqlStates, SCHEMA } from "./sql-queue.ts";
import { assembleBackend, type Store } from "./store.ts";
import { withToldLosses } from "./told-losses.ts";

const PRODUCER_CONNECTIONS = 4;
/** One of them waits for notifications for as long as the worker lives. */
const WORKER_CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 2_000;
const QUERY_TIMEOUT_MS = 10_000;
/** A connection that waits for notifications is quiet for so long before the system asks whether the other side lives. */
const KEEP_ALIVE_MS = 10_000;
/** Pause before BullMQ's first look is tried again. */
const LOOK_AGAIN_MS = 200;

/**
 * BullMQ on PostgreSQL. Its tables live in the schema `bullmq`, brought up to date here under an advisory lock.
 * @throws {TransientError} `queue_unavailable` when the server cannot be reached
 */
export async function createPostgresBackend(
  config: Extract<QueueConfig, { kind: "postgres" }>,
  deps: QueueDeps,
): Promise<QueueBackend> {
  const { clock, log } = deps;
  const outage = createOutage("postgres", log);
  const openPool = (max: number): { readonly pool: pg.Pool; readonly end: () => Promise<void> } => {
    const pool = new pg.Pool({
      connectionString: withSearchPath(config.url),
      max,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      idleTimeoutMillis: IDLE_MS,
      query_timeout: QUERY_TIMEOUT_MS,
    });
    const end = guardPool(pool, (error) => outage.begin("connection", error));
    pool.on("connect", () => outage.end("connection"));
    return { pool, end };
  };

  const producers = openPool(PRODUCER_CONNECTIONS);
  try {
    const client = await producers.pool.connect();
    try {
      await runMigrations(client, SCHEMA);
    } finally {
      client.release();
    }
  } catch (error) {
    await producers.end();
    const words = error instanceof Error ? error.message || error.name : "unknown";
    throw new TransientError("queue_unavailable", `PostgreSQL: ${words}`, {
      cause: error,
      nextAction: "check DATABASE_URL, and that the server runs and the user may create schemas",
    });
  }

  const shared = asPool(producers.pool);
  const patient = (pool: PgPool): PgPool => withPatientFirstLook(pool, () => clock.sleep(LOOK_AGAIN_MS));
  const store: Store = {
    kind: "postgres",
    isOutage: isPostgresOutage,
    outage,
    openQueue: (name, options) => openSqlQueue(name, options, patient(shared)),
    openWorker: (name, process, options) => {
      const { pool, end } = openPool(WORKER_CONNECTIONS);
      return {
        worker: openSqlWorker(name, process, options, patient(asPool(pool))),
        // Not waited for: a connection that a stuck job holds is cut in time.
        release: async () => void end().catch(() => undefined),
      };
    },
    addMany: (queue, entries) => addSqlJobs(shared, queue.name, entries, clock.now()),
    readStates: (queue, ids) => readSqlStates(shared, queue.name, ids),
    close: producers.end,
  };
  log.debug("queue.opened", { kind: "postgres", schema: SCHEMA });
  return assembleBackend(store, config.tuning, deps);
}

function asPool(pool: pg.Pool): PgPool {
  return withPlainOutages(withToldLosses(pool as unknown as PgPool)); // BullMQ's own narrow type for the same thing
}

/** BullMQ's statements name no schema; each connection has to look there. Options of the URL's own are kept. */
function withSearchPath(connectionString: string): string {
  const url = new URL(connectionString);
  const given = url.searchParams.get("options");
  url.searchParams.set("options", [given, `-c search_path=${SCHEMA}`].filter(Boolean).join(" "));
  return url.href;
}
