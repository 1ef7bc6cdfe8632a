import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import type { QueueConfig } from "../../../queues/backend.ts";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { type Log, silentLog } from "../../../src/telemetry/log.ts";
import { createTestDatabase, startRedis } from "../../support/servers.ts";

const WITHIN = { timeout: 30_000, interval: 20 };
const REFUSED_MS = 2_000;
const SOON_MS = 5_000;
/** Two kinds of questions, each after pauses that grow, and what ends jobs. */
const MOST_ASKED = 60;

type Moody = {
  readonly config: QueueConfig;
  refuse(): Promise<unknown>;
  relent(): Promise<unknown>;
  /** How often workers asked since it began to refuse. */
  asked(): Promise<number>;
};

const stores = [
  {
    store: "Redis that became a replica",
    available: inject("redisUrl") !== undefined,
    words: /^(READONLY|UNBLOCKED)/,
    open: replicaRedis,
  },
  { store: "Redis that cannot save", available: inject("redisUrl") !== undefined, words: /^MISCONF/, open: moodyRedis },
  {
    ...{ store: "PostgreSQL without BullMQ's tables", words: /does not exist/ },
    ...{ available: inject("postgresUrl") !== undefined, open: moodyPostgres },
  },
];

describe.each(stores)("a $store", ({ available, words, open }) => {
  test.skipIf(!available)(
    "is asked now and then, told of once, and worked for as soon as it takes jobs again",
    async () => {
      const { config, refuse, relent, asked } = await open();
      const lines: string[] = [];
      const told: unknown[] = [];
      const tell: Log["warn"] = (event, fields) => {
        lines.push(event);
        told.push(fields);
      };
      const backend = await createQueueBackend(
        { ...config, tuning: { stalledCheckMs: 200 } },
        { clock: systemClock, random: Math.random, log: { ...silentLog, warn: tell, info: tell } },
      );
      onTestFinished(() => backend.close());
      const errors: unknown[] = [];
      const seen: string[] = [];
      const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
      const handle = async ({ id }: { readonly id: string }) => {
        seen.push(id);
        if (id === "held") await held;
        return { kind: "done" } as const;
      };
      backend.work("runs", handle, { concurrency: 1, onError: (error) => errors.push(error) });
      const queue = backend.open("runs");
      await queue.add([{ id: "held", data: {} }]);
      await vi.waitFor(() => expect(seen).toEqual(["held"]), WITHIN);
      await backend.check(AbortSignal.timeout(SOON_MS)); // BullMQ looks at the tables once, and for good

      await refuse();
      letGo();
      await systemClock.sleep(REFUSED_MS); // the refusal itself
      const often = await asked();
      console.info(`${backend.kind}: refused for ${REFUSED_MS} ms, asked ${often} times, ${errors.length} errors told`);
      expect(often).toBeLessThan(MOST_ASKED);
      expect(errors.length).toBeLessThan(5);
      await vi.waitFor(() => expect(lines).toEqual(["queue.connection_lost"]), WITHIN);
      expect(told).toEqual([{ kind: backend.kind, message: expect.stringMatching(words) }]);
      await expect(backend.check(AbortSignal.timeout(SOON_MS))).rejects.toMatchObject({ code: "queue_unavailable" });

      await relent();
      const relentedMs = Date.now();
      await queue.add([{ id: "after", data: {} }]);
      await vi.waitFor(() => expect(seen).toContain("after"), WITHIN);
      await vi.waitFor(() => backend.check(AbortSignal.timeout(SOON_MS)), WITHIN);
      expect(Date.now() - relentedMs).toBeLessThan(2 * SOON_MS);
      expect(lines).toEqual(["queue.connection_lost", "queue.connection_back"]);
    },
  );
});

// What a replica refuses waits in ioredis, and a worker gives that up by the clock, which stands still here.
const answering = stores.filter(({ open }) => open !== replicaRedis);

describe.each(answering)("a $store", ({ available, open }) => {
  test.skipIf(!available)("does not keep a worker from closing", async () => {
    const { config, refuse } = await open();
    const lines: string[] = [];
    // From when it is refused on it sleeps for as long as this test may take, unless it is woken.
    let pauses = 0;
    const slowClock: Clock = {
      ...systemClock,
      sleep: (ms, signal) => {
        if (lines.length === 0) return systemClock.sleep(ms, signal);
        pauses += 1;
        return systemClock.sleep(600_000, signal);
      },
    };
    const backend = await createQueueBackend(
      { ...config, tuning: { stalledCheckMs: 200 } },
      { clock: slowClock, random: Math.random, log: { ...silentLog, warn: (event) => lines.push(event) } },
    );
    const worker = backend.work("runs", async () => ({ kind: "done" }), { concurrency: 1, onError: () => undefined });
    await refuse();
    await vi.waitFor(() => expect(lines).toContain("queue.connection_lost"), WITHIN);
    await vi.waitFor(() => expect(pauses).toBeGreaterThan(0), WITHIN);
    await worker.close();
    await backend.close();
  });
});

async function moodyRedis(): Promise<Moody> {
  const server = await startRedis();
  const client = new Redis(server.url);
  onTestFinished(async () => {
    client.disconnect();
    await server.stop();
  });
  return {
    config: { kind: "redis", url: server.url },
    refuse: async () => {
      const [, folder] = (await client.config("GET", "dir")) as [string, string]; // by Redis's documentation
      mkdirSync(join(folder, "dump.rdb", "in the way"), { recursive: true });
      await client.config("SET", "save", "3600 1");
      await client.bgsave();
      await vi.waitFor(async () => expect(await client.info("persistence")).toContain("bgsave_status:err"), WITHIN);
      await client.config("RESETSTAT");
    },
    relent: () => client.config("SET", "stop-writes-on-bgsave-error", "no"),
    asked: () => timesAsked(client),
  };
}

async function replicaRedis(): Promise<Moody> {
  const [server, master] = await Promise.all([startRedis(), startRedis()]);
  const client = new Redis(server.url);
  onTestFinished(async () => {
    client.disconnect();
    await Promise.all([server.stop(), master.stop()]);
  });
  const { port } = new URL(master.url);
  return {
    config: { kind: "redis", url: server.url },
    refuse: async () => {
      await client.config("RESETSTAT");
      await client.replicaof("127.0.0.1", port);
    },
    relent: () => client.replicaof("NO", "ONE"),
    asked: () => timesAsked(client),
  };
}

/** How often a worker asked Redis for a job. */
async function timesAsked(client: Redis): Promise<number> {
  const lines = (await client.info("commandstats")).matchAll(
    /^cmdstat_(?:evalsha|bzpopmin):calls=(\d+).*?rejected_calls=(\d+)/gm,
  );
  return [...lines].reduce((sum, [, calls, rejected]) => sum + Number(calls) + Number(rejected), 0);
}

async function moodyPostgres(): Promise<Moody> {
  const database = await createTestDatabase(inject("postgresUrl") ?? "");
  onTestFinished(() => database.drop());
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(() => client.end());
  const rolledBack = async (): Promise<number> => {
    const { rows } = await client.query<{ times: number }>(
      "select xact_rollback::int as times from pg_stat_database where datname = current_database()",
    );
    return rows[0]?.times ?? 0;
  };
  let before = 0;
  return {
    config: { kind: "postgres", url: database.url },
    refuse: async () => {
      before = await rolledBack();
      await client.query("alter schema bullmq rename to elsewhere");
    },
    relent: () => client.query("alter schema elsewhere rename to bullmq"),
    asked: async () => (await rolledBack()) - before,
  };
}
