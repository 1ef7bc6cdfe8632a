import type { Processor } from "bullmq";
import {
  type BackendFactory,
  createPostgresBackend as createBullMqBackend,
  type PgPool,
  Queue,
  type RedisQueueBackend,
  Worker,
} from "bullmq";
import type { QueueName } from "../backend.ts";
import type { StoreQueueOptions, StoreWorkerOptions } from "./store.ts";

/** The schema of BullMQ's tables. With a pool of ours BullMQ allows no other. */
export const SCHEMA = "bullmq";

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
  return new Worker(name, process, { ...options, connection: asConnection(pool) }, factory);
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

function asConnection(pool: PgPool): ConstructorParameters<typeof Queue>[1]["connection"] {
  return pool as unknown as ConstructorParameters<typeof Queue>[1]["connection"]; // see the factory above
}
