import type { Processor } from "bullmq";
import {
  type BackendFactory,
  createPostgresBackend as createBullMqBackend,
  type PgPool,
  Queue,
  type RedisQueueBackend,
  type Worker,
} from "bullmq";
import type { QueueName } from "../backend.ts";
import type { JobEntry } from "../job-queue.ts";
import { QuietWorker } from "../quiet-worker.ts";
import type { StoreQueueOptions, StoreWorkerOptions } from "./store.ts";

/** The schema of BullMQ's tables. With a pool of ours BullMQ allows no other. */
export const SCHEMA = "bullmq";

/**
 * How long a worker waits for a notification before it looks by itself. All workers are told of all jobs, those put off
 * included, so this is only for a connection that died without a word, of which the system tells sooner.
 */
const WAIT_SECONDS = 60;

/**
 * BullMQ types queues and workers by their store, and everybody who takes one (bull-board, too) expects Redis.
 * Only what all stores have in common is used.
 */
const factory = createBullMqBackend as unknown as BackendFactory<RedisQueueBackend>;

export function openSqlQueue(name: QueueName, options: StoreQueueOptions, pool: PgPool): Queue {
  return new Queue(
    name,
    { ...options, connection: asConnection(pool), streams: { events: { maxLen: 1_000 } } },
    factory,
  );
}

export function openSqlWorker(name: QueueName, process: Processor, options: StoreWorkerOptions, pool: PgPool): Worker {
  return new QuietWorker(
    name,
    process,
    { ...options, connection: asConnection(pool), drainDelay: WAIT_SECONDS },
    factory,
  );
}

/** One query instead of BullMQ's one per id; the sweep asks for many. */
export async function readSqlStates(
  pool: PgPool,
  queue: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await pool.query<{ id: string; state: string }>(
    `select id, state::text as state from ${SCHEMA}.job where queue = $1 and id = any($2::text[])`,
    [queue, ids],
  );
  return new Map(rows.map(({ id, state }) => [id, state]));
}

/**
 * Adds jobs of one queue, of which none depends on another, in one statement. BullMQ's own way makes two temporary tables
 * each time: 20 ms in an embedded database, 4 ms in a server, and rows in the catalog that are to be cleared away.
 * Nobody reads BullMQ's events of jobs that come, so none are written; those who wait for jobs are woken.
 */
export async function addSqlJobs(
  pool: PgPool,
  queue: string,
  entries: readonly JobEntry[],
  nowMs: number,
): Promise<void> {
  const lines = entries.map(({ name, data, opts: { jobId, attempts, ...opts } }) => ({
    id: jobId,
    name,
    data,
    opts: { attempts, jobId, ...opts },
    priority: opts.priority ?? 0,
    attempts,
  }));
  await pool.query(
    `with added as (
      insert into ${SCHEMA}.job
        (queue, id, seq, name, state, data, opts, priority, max_attempts, added_at_ms)
      select $1, id, nextval('${SCHEMA}.job_seq'), name, 'waiting', data, opts, priority, attempts, $3
      from json_to_recordset($2::text::json)
        as line(id text, name text, data jsonb, opts jsonb, priority integer, attempts integer)
      on conflict (queue, id) do nothing
      returning id)
    select pg_notify('bullmq_jobs', $1) where exists (select from added)`,
    [queue, JSON.stringify(lines), nowMs],
  );
}

function asConnection(pool: PgPool): ConstructorParameters<typeof Queue>[1]["connection"] {
  return pool as unknown as ConstructorParameters<typeof Queue>[1]["connection"]; // see the factory above
}
