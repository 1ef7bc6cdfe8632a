import { Queue } from "bullmq";
import { Cluster, Redis } from "ioredis";
import { mastersOf, openRedis, type RedisClient, type RedisManners } from "../../src/redis/open-redis.ts";
import type { QueueBackend, QueueConfig, QueueDeps, QueueName } from "../backend.ts";
import { QuietWorker } from "../quiet-worker.ts";
import { addRedisJobs } from "./add-redis-jobs.ts";
import { createOutage, type Outage } from "./outage.ts";
import { readRedisMemory } from "./redis-memory.ts";
import { createRoleWatch } from "./redis-role.ts";
import { assembleBackend, type Store } from "./store.ts";

const DEFAULT_PREFIX = "relay";
/** How long a producer waits for one answer. */
const COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
const MAX_RECONNECT_MS = 500;
/**
 * How long a worker waits for a sign that there is a job before it looks by itself. A sign goes to one worker alone,
 * so this is also how late another notices a job that was put off by one that died.
 */
const WAIT_SECONDS = 10;
/** After how long without an answer a connection is taken for lost; a worker's waits for signs in between. */
const PRODUCER_SILENT_MS = 5_000;
const WORKER_SILENT_MS = 2 * WAIT_SECONDS * 1_000;

const COMMON = {
  connectTimeoutMs: CONNECT_TIMEOUT_MS,
  retryDelayMs: (times: number) => Math.min(20 * times, MAX_RECONNECT_MS),
} as const;

/**
 * BullMQ on Redis or Valkey: one server, a cluster, or the master that sentinels name. A server that is away at the
 * start is no failure: producers fail fast and workers wait, as in any later outage.
 * @throws {PermanentError} `config_invalid` when the address does not fit
 */
export async function createRedisBackend(
  config: Extract<QueueConfig, { kind: "redis" }>,
  deps: QueueDeps,
): Promise<QueueBackend> {
  const { clock, log } = deps;
  const clients = new Set<RedisClient>();

  const connect = (manners: Omit<RedisManners, keyof typeof COMMON>): RedisClient => {
    const client = openRedis(config.url, { ...COMMON, ...manners });
    clients.add(client);
    calm(client);
    client.connect().catch(() => undefined);
    return client;
  };

  const producer = connect({
    maxRetriesPerRequest: 1,
    waitsForServer: false,
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
    silentMs: PRODUCER_SILENT_MS,
  });
  const prefix = prefixesFor(producer, config.prefix ?? DEFAULT_PREFIX);
  const outage = createOutage("redis", log);
  const watchRole = createRoleWatch(producer, outage, clock);
  reportOutages(producer, outage, watchRole);
  await warnOfEviction(producer, deps);

  const store: Store = {
    kind: "redis",
    isOutage: isRedisOutage,
    outage,
    openQueue: (name, options) =>
      new Queue(name, {
        ...options,
        connection: producer,
        prefix: prefix(name),
        streams: { events: { maxLen: 1_000 } },
        // Otherwise a queue that is opened during an outage stays unusable for ever.
        skipWaitingForReady: true,
        skipVersionCheck: true,
      }),
    openWorker: (name, process, options) => {
      const connection = connect({ maxRetriesPerRequest: null, waitsForServer: true, silentMs: WORKER_SILENT_MS });
      const mine = new Set([connection]);
      // The first to be refused: at rest nobody else writes.
      connection.on("ready", () => void watchRole());
      noteCopies(connection, (copy) => {
        copy.on("ready", () => void watchRole());
        calm(copy);
        mine.add(copy);
        clients.add(copy);
      });
      return {
        worker: new QuietWorker(name, process, {
          ...{ ...options, connection, prefix: prefix(name) },
          drainDelay: WAIT_SECONDS,
        }),
        release: async () => {
          for (const client of mine) {
            cut(client);
            clients.delete(client);
          }
        },
      };
    },
    addMany: (queue, entries) => addRedisJobs(producer, queue, entries, clock.now()),
    readStates: async (queue, ids) =>
      new Map(await Promise.all(ids.map(async (id) => [id, await queue.getJobState(id)] as const))),
    readMemory: async () => {
      const told = await Promise.all(mastersOf(producer).map((master) => master.info("memory")));
      // Of a cluster's masters the fullest: each queue lives on one of them.
      const limited = told.flatMap((info) => readRedisMemory(info) ?? []);
      return limited.toSorted((one, other) => other.usedBytes / other.maxBytes - one.usedBytes / one.maxBytes)[0];
    },
    close: async () => {
      for (const client of clients) cut(client);
    },
  };
  log.debug("queue.opened", { kind: "redis", prefix: prefix("runs") });
  return assembleBackend(store, config.tuning, deps);
}

function calm(client: RedisClient): void {
  client.on("error", () => undefined); // told once an outage, below
  // By each command that a replica refuses ioredis disconnects, and waits for the same end of the same connection.
  if (client instanceof Redis) client.on("connect", () => client.stream.setMaxListeners(0));
}

/** ioredis sets a timer of two seconds for each connection, also for one that BullMQ has closed: no process ends before. */
function cut(client: RedisClient): void {
  if (client.status !== "end") client.disconnect();
}

/**
 * A script of BullMQ's touches many keys of one queue, which a cluster must therefore keep in one slot: what stands in
 * braces decides which. Each queue has its own, so that the cluster's masters share them.
 */
const prefixesFor =
  (client: RedisClient, prefix: string) =>
  (name: QueueName): string =>
    client instanceof Cluster ? `${prefix}:{${name}}` : prefix;

/** BullMQ duplicates a connection for its blocking reads, and would leave the copy behind if closed in an outage. */
function noteCopies(client: RedisClient, note: (copy: RedisClient) => void): void {
  const noted = <Copy extends RedisClient>(copy: Copy): Copy => {
    note(copy);
    return copy;
  };
  if (client instanceof Cluster) {
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (nodes, options) => noted(duplicate(nodes, { ...options, lazyConnect: false }));
    return;
  }
  const duplicate = client.duplicate.bind(client);
  client.duplicate = (options) => noted(duplicate({ ...options, lazyConnect: false }));
}

/** One client stands for all. */
function reportOutages(client: RedisClient, outage: Outage, watchRole: () => Promise<void>): void {
  client.on("error", (error: Error) => outage.begin("connection", error));
  client.on("close", () => {
    if (client.status !== "end") outage.begin("connection", new Error("closed"));
  });
  client.on("ready", () => void watchRole().then(() => outage.end("connection")));
}

/** BullMQ's keys must not be evicted: https://docs.bullmq.io/guide/going-to-production */
async function warnOfEviction(client: RedisClient, { log, onWarning }: QueueDeps): Promise<void> {
  const warn = onWarning ?? ((warning: string) => log.warn("queue.misconfigured", { kind: "redis", warning }));
  try {
    await untilConnected(client);
    const told = await Promise.all(mastersOf(client).map((master) => master.info("memory")));
    const policies = told.map((info) => /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? "noeviction");
    for (const policy of new Set(policies)) {
      if (policy !== "noeviction")
        warn(`maxmemory-policy is ${policy}: Redis may throw away queued jobs; set it to noeviction`);
    }
  } catch (error) {
    log.warn("queue.unreachable", { kind: "redis", message: error instanceof Error ? error.message : "unknown" });
  }
}

async function untilConnected(client: RedisClient): Promise<void> {
  if (client.status === "ready") return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no connection")), CONNECT_TIMEOUT_MS);
    client.once("ready", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

const OUTAGE = new RegExp(
  [
    "Connection is closed|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH",
    "isn't writeable|Command timed out|max retries per request",
    // A cluster without a master for the slot, and sentinels that know of none.
    "CLUSTERDOWN|Cluster isn't ready|Cluster is ended|Too many Cluster redirections|refresh slots cache",
    "startup nodes is available|All sentinels are unreachable",
    // In the middle of a fail-over.
    "^LOADING|^READONLY|^UNBLOCKED|^MASTERDOWN",
    // A certificate that is not trusted, or bears another name.
    "certificate|SSL routines",
  ].join("|"),
  "i",
);

function isRedisOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return OUTAGE.test(error.message) || OUTAGE.test(code);
}
