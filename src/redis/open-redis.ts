import { Cluster, Redis } from "ioredis";
import { readRedis } from "./read-redis.ts";

export type RedisClient = Redis | Cluster;

/** How a client deals with trouble, whatever the servers are. */
export type RedisManners = {
  /** For one connection, and for a cluster to tell where its slots are. */
  readonly connectTimeoutMs: number;
  /** Pause before the next try to connect, or null for none. */
  readonly retryDelayMs: (times: number) => number | null;
  /** How often a command is tried again on a new connection; null: as often as it takes. */
  readonly maxRetriesPerRequest: number | null;
  /** Whether commands wait for the connection; otherwise they fail. */
  readonly waitsForServer: boolean;
  /** How long to wait for one answer; undefined: for ever. */
  readonly commandTimeoutMs?: number;
  /**
   * After how long without a word, with an answer due, a connection is taken for lost; undefined: when the network gives
   * it up, which takes a quarter of an hour where a machine or a router vanished without a farewell.
   */
  readonly silentMs?: number;
};

/**
 * A client that is not connected yet: `connect` it.
 * @throws {PermanentError} `config_invalid` when the address does not fit, or a file of certificates cannot be read
 */
export function openRedis(url: string, manners: RedisManners): RedisClient {
  const { address, tls } = readRedis(url);
  const { connectTimeoutMs, retryDelayMs, maxRetriesPerRequest, waitsForServer, commandTimeoutMs, silentMs } = manners;
  const each = {
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(tls && { tls }),
    ...(commandTimeoutMs === undefined ? {} : { commandTimeout: commandTimeoutMs }),
    ...(silentMs === undefined ? {} : { socketTimeout: silentMs }),
    connectTimeout: connectTimeoutMs,
    maxRetriesPerRequest,
    // With it, and without a retry strategy of ours, ioredis takes the best part of a second to be back after Redis is.
    enableReadyCheck: false,
  };
  if (address.kind === "cluster") {
    const cluster = new Cluster([...address.nodes], {
      lazyConnect: true,
      // With it, a `connect` that finds the cluster down is never settled, and whoever waits for it waits for ever.
      enableReadyCheck: false,
      enableOfflineQueue: waitsForServer,
      clusterRetryStrategy: retryDelayMs,
      slotsRefreshTimeout: connectTimeoutMs,
      // Certificates bear names; ioredis would connect to the addresses behind them.
      ...(tls && { dnsLookup: (name, found) => found(null, name) }),
      redisOptions: each,
    });
    return endsWhenAsked(cluster);
  }
  const one = {
    ...each,
    lazyConnect: true,
    db: address.db,
    enableOfflineQueue: waitsForServer,
    retryStrategy: retryDelayMs,
    // Still loading its file, or no longer the master: reconnect and ask again, after the pause above.
    reconnectOnError: ({ message }: Error) => (/^(LOADING|READONLY)/.test(message) ? (2 as const) : false),
  };
  if (address.kind === "single") return new Redis({ ...one, ...address.host });
  return new Redis({
    ...one,
    sentinels: [...address.sentinels],
    name: address.master,
    sentinelRetryStrategy: retryDelayMs,
    sentinelCommandTimeout: connectTimeoutMs,
    ...(address.sentinelUsername === undefined ? {} : { sentinelUsername: address.sentinelUsername }),
    ...(address.sentinelPassword === undefined ? {} : { sentinelPassword: address.sentinelPassword }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
  });
}

/**
 * A cluster that is told to disconnect has done so when it has no connection any more; but a command that it was still
 * moving to another master opens one, and then the end never comes. BullMQ's worker would wait for it for ever.
 */
function endsWhenAsked(cluster: Cluster): Cluster {
  cluster.on("+node", (node: Redis) => {
    if (cluster.status === "disconnecting") node.disconnect();
  });
  const duplicate = cluster.duplicate.bind(cluster);
  cluster.duplicate = (nodes, options) => endsWhenAsked(duplicate(nodes, options));
  return cluster;
}

/** Whether it is a cluster that has lost a master: it says so itself, and takes no jobs, though the others answer. */
export const isClusterDown = async (client: RedisClient): Promise<boolean> =>
  client instanceof Cluster && !/^cluster_state:ok/m.test(String(await client.cluster("INFO")));

/** The servers that hold keys: of a cluster, each of its masters. */
export const mastersOf = (client: RedisClient): readonly Redis[] =>
  client instanceof Cluster ? client.nodes("master") : [client];
