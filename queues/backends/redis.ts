import { Queue, Worker } from "bullmq";
import { type RedisOptions as AnyRedisOptions, Redis } from "ioredis";
import type { QueueBackend, QueueConfig, QueueDeps } from "../backend.ts";
import { readRedisMemory } from "./redis-memory.ts";
import { assembleBackend, type Store } from "./store.ts";

type RedisOptions = Omit<AnyRedisOptions, "replyMapping">; // the constructor types it more narrowly

const DEFAULT_PREFIX = "relay";
/** How long a producer waits for one answer. */
const COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
const MAX_RECONNECT_MS = 500;

const COMMON: RedisOptions = {
  lazyConnect: true,
  connectTimeout: CONNECT_TIMEOUT_MS,
  // Without these two ioredis takes the best part of a second to be back after Redis is.
  enableReadyCheck: false,
  retryStrategy: (times) => Math.min(20 * times, MAX_RECONNECT_MS),
  // Still loading its file, or no longer the primary: reconnect and ask again, after the pause above.
  reconnectOnError: ({ message }) => (/^(LOADING|READONLY)/.test(message) ? 2 : false),
};

/**
 * BullMQ on Redis or Valkey. A server that is away at the start is no failure:
 * producers fail fast and workers wait, as in any later outage.
 */
export async function createRedisBackend(
  config: Extract<QueueConfig, { kind: "redis" }>,
  deps: QueueDeps,
): Promise<QueueBackend> {
  const { log } = deps;
  const prefix = config.prefix ?? DEFAULT_PREFIX;
  const clients = new Set<Redis>();

  const connect = (options: RedisOptions): Redis => {
    const client = new Redis(config.url, { ...COMMON, ...options });
    clients.add(client);
    client.on("error", () => undefined); // told once an outage, below
    client.connect().catch(() => undefined);
    return client;
  };

  const producer = connect({ maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: COMMAND_TIMEOUT_MS });
  reportOutages(producer, deps);
  await warnOfEviction(producer, deps);

  const store: Store = {
    kind: "redis",
    isOutage: isRedisOutage,
    openQueue: (name, options) =>
      new Queue(name, {
        ...options,
        connection: producer,
        prefix,
        streams: { events: { maxLen: 1_000 } },
        // Otherwise a queue that is opened during an outage stays unusable for ever.
        skipWaitingForReady: true,
        skipVersionCheck: true,
      }),
    openWorker: (name, process, options) => {
      const connection = connect({ maxRetriesPerRequest: null });
      const mine = new Set([connection]);
      // BullMQ duplicates it for its blocking reads, and would leave the copy behind if closed in an outage.
      const duplicate = connection.duplicate.bind(connection);
      connection.duplicate = (override) => {
        const copy = duplicate({ ...override, lazyConnect: false });
        copy.on("error", () => undefined);
        mine.add(copy);
        clients.add(copy);
        return copy;
      };
      return {
        worker: new Worker(name, process, { ...options, connection, prefix }),
        release: async () => {
          for (const client of mine) {
            client.disconnect();
            clients.delete(client);
          }
        },
      };
    },
    readStates: async (queue, ids) =>
      new Map(await Promise.all(ids.map(async (id) => [id, await queue.getJobState(id)] as const))),
    readMemory: async () => readRedisMemory(await producer.info("memory")),
    close: async () => {
      for (const client of clients) client.disconnect();
    },
  };
  log.debug("queue.opened", { kind: "redis", prefix });
  return assembleBackend(store, config.tuning, deps);
}

/** One line when the server goes and one when it is back, however many clients notice. */
function reportOutages(client: Redis, { log }: QueueDeps): void {
  let away = false;
  const gone = (error?: Error): void => {
    if (away) return;
    away = true;
    log.warn("queue.connection_lost", { kind: "redis", message: error?.message ?? "closed" });
  };
  client.on("error", gone);
  client.on("close", () => {
    if (client.status !== "end") gone();
  });
  client.on("ready", () => {
    if (away) log.info("queue.connection_back", { kind: "redis" });
    away = false;
  });
}

/** BullMQ's keys must not be evicted: https://docs.bullmq.io/guide/going-to-production */
async function warnOfEviction(client: Redis, { log, onWarning }: QueueDeps): Promise<void> {
  const warn = onWarning ?? ((warning: string) => log.warn("queue.misconfigured", { kind: "redis", warning }));
  try {
    await untilConnected(client);
    const policy = /^maxmemory_policy:(\S+)/m.exec(await client.info("memory"))?.[1];
    if (policy !== undefined && policy !== "noeviction") {
      warn(`maxmemory-policy is ${policy}: Redis may throw away queued jobs; set it to noeviction`);
    }
  } catch (error) {
    log.warn("queue.unreachable", { kind: "redis", message: error instanceof Error ? error.message : "unknown" });
  }
}

async function untilConnected(client: Redis): Promise<void> {
  if (client.status === "ready") return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no connection")), CONNECT_TIMEOUT_MS);
    client.once("ready", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const OUTAGE =
  /Connection is closed|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|isn't writeable|Command timed out|max retries per request/i;

function isRedisOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return OUTAGE.test(error.message) || OUTAGE.test(code);
}
