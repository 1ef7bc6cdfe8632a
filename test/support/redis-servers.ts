import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { expect, vi } from "vitest";
import { type ChildServer, freePort, startChildServer } from "./child-server.ts";
import { findRedis } from "./find-programs.ts";
import { startRedisServer } from "./servers.ts";
import { SOON } from "./soon.ts";

const QUIET = ["--bind", "127.0.0.1", "--appendonly", "no", "--save", "", "--maxmemory-policy", "noeviction"] as const;
const SLOTS = 16_384;

/** Asks one server something, on a connection of its own. */
export async function askRedis(port: number, ...command: readonly [string, ...(string | number)[]]): Promise<unknown> {
  const client = new Redis(port, "127.0.0.1", { lazyConnect: true, retryStrategy: () => null });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await client.call(...command);
  } finally {
    client.disconnect();
  }
}

export type RedisNode = ChildServer & { readonly port: number };

export type RedisCluster = {
  /** For REDIS_URL; names two of its masters. */
  readonly url: string;
  readonly masters: readonly RedisNode[];
  stop(): Promise<void>;
};

/** A cluster of three masters without replicas. */
export async function startRedisCluster(): Promise<RedisCluster> {
  const masters = await Promise.all(
    [0, 1, 2].map(async () => {
      const [port, busPort] = [await freePort(), await freePort()];
      const server = await startRedisServer(port, [
        ...[...QUIET, "--port", String(port), "--cluster-port", String(busPort)],
        ...["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"],
      ]);
      return { node: withPort(server, port), busPort };
    }),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(masters.map(({ node }) => node.stop()));
  };
  try {
    const [first] = masters;
    const share = Math.ceil(SLOTS / masters.length);
    for (const [place, { node, busPort }] of masters.entries()) {
      const last = Math.min((place + 1) * share, SLOTS) - 1;
      await askRedis(node.port, "cluster", "addslotsrange", place * share, last);
      if (first && place > 0) await askRedis(first.node.port, "cluster", "meet", "127.0.0.1", node.port, busPort);
    }
    await vi.waitFor(async () => {
      for (const { node } of masters) {
        const info = String(await askRedis(node.port, "cluster", "info"));
        expect(info).toMatch(/cluster_state:ok[\s\S]*cluster_known_nodes:3/);
      }
    }, SOON);
  } catch (error) {
    await stop();
    throw error;
  }
  const named = masters.slice(0, 2).map(({ node }) => `127.0.0.1:${node.port}`);
  return { url: `redis+cluster://${named.join(",")}`, masters: masters.map(({ node }) => node), stop };
}

export type WatchedRedis = {
  /** For REDIS_URL; names a sentinel that is not there before the one that is. */
  readonly url: string;
  readonly master: RedisNode;
  readonly replica: RedisNode;
  /** Which of them the sentinel calls the master. */
  masterPort(): Promise<number>;
  stop(): Promise<void>;
};

/** A master, its replica, and the sentinel that makes a master of the replica when the master is gone for half a second. */
export async function startWatchedRedis(): Promise<WatchedRedis> {
  const started: ChildServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  const start = async (...more: readonly string[]): Promise<RedisNode> => {
    const port = await freePort();
    const server = await startRedisServer(port, [...QUIET, "--port", String(port), ...more]);
    started.push(server);
    return withPort(server, port);
  };
  try {
    const master = await start("--repl-diskless-sync-delay", "0");
    const replica = await start("--replicaof", "127.0.0.1", String(master.port));
    const sentinel = await startSentinel(master.port);
    started.push(sentinel);
    await vi.waitFor(async () => {
      expect(await askRedis(replica.port, "info", "replication")).toMatch(/master_link_status:up/);
      expect(await askRedis(sentinel.port, "info", "sentinel")).toMatch(/status=ok,[\s\S]*slaves=1/);
    }, SOON);
    return {
      url: `redis+sentinel://127.0.0.1:${await freePort()},127.0.0.1:${sentinel.port}/watched`,
      master,
      replica,
      masterPort: async () => {
        const told = await askRedis(sentinel.port, "sentinel", "get-master-addr-by-name", "watched");
        return Number(Array.isArray(told) ? told[1] : undefined);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A sentinel writes what it learns into its file of settings. */
async function startSentinel(masterPort: number): Promise<RedisNode> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "relay-sentinel-"));
  const settings = join(folder, "sentinel.conf");
  writeFileSync(
    settings,
    [
      ...[`port ${port}`, "bind 127.0.0.1", `dir ${folder}`],
      `sentinel monitor watched 127.0.0.1 ${masterPort} 1`,
      "sentinel down-after-milliseconds watched 500",
      "sentinel failover-timeout watched 3000",
      "",
    ].join("\n"),
  );
  const program = findRedis();
  if (program === undefined) throw new Error("Redis not found");
  const server = await startChildServer({
    program,
    args: [settings, "--sentinel"],
    folder,
    crashSignal: "SIGKILL",
    stopSignal: "SIGKILL",
    answers: async () => {
      await askRedis(port, "ping");
    },
  });
  return withPort(server, port);
}

function withPort(server: ChildServer, port: number): RedisNode {
  return Object.defineProperty(server, "port", { value: port }) as RedisNode; // keeps the getter of `pid` alive
}
