import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import type { QueueBackend, QueueConfig } from "../../../queues/backend.ts";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { freePort } from "../../support/child-server.ts";
import { createTestDatabase, startPostgres, startRedis, type TestServer } from "../../support/servers.ts";
import { layLine } from "../../support/tcp-line.ts";

const CLOSES_A_BACKEND = fileURLToPath(new URL("./close-a-backend.ts", import.meta.url));
const WITHIN = { timeout: 60_000, interval: 10 };
/** Far below what would come of a wait for nothing, and enough on a machine that is busy with other things. */
const BUSY_MS = 9_000;

const servers = [
  { kind: "redis", available: inject("redisUrl") !== undefined, boot: startRedis },
  { kind: "postgres", available: inject("postgresUrl") !== undefined, boot: startPostgres },
] as const;

describe.each(servers)("when $kind goes away", ({ kind, available, boot }) => {
  describe.skipIf(!available)("", () => {
    test("producers fail fast and say so, and add again once it is back", async () => {
      const server = await start(boot);
      const backend = await open({ kind, url: server.url });
      const queue = backend.open("runs");
      await queue.add([{ id: "before", data: {} }]);
      await server.kill();

      const calls = [
        () => queue.add([{ id: "during", data: {} }]),
        () => queue.states(["before"]),
        () => queue.counts(),
        () => backend.check(AbortSignal.timeout(10_000)),
      ];
      for (const call of calls) {
        const startedMs = Date.now();
        await expect(call()).rejects.toMatchObject({ code: "queue_unavailable", retryable: true });
        expect(Date.now() - startedMs).toBeLessThan(BUSY_MS);
      }

      await server.start();
      await vi.waitFor(() => queue.add([{ id: "after", data: {} }]), WITHIN);
      expect((await queue.states(["after"])).get("after")).toBe("waiting");
    });

    test("a worker goes on by itself once it is back, without a storm of errors", async () => {
      const server = await start(boot);
      const backend = await open({ kind, url: server.url });
      const seen: string[] = [];
      const errors: unknown[] = [];
      backend.work(
        "runs",
        async ({ id }) => {
          seen.push(id);
          return { kind: "done" };
        },
        { concurrency: 2, onError: (error) => errors.push(error) },
      );
      const queue = backend.open("runs");
      await queue.add([{ id: "before", data: {} }]);
      await vi.waitFor(() => expect(seen).toEqual(["before"]), WITHIN);

      await server.kill();
      await expect(queue.add([{ id: "during", data: {} }])).rejects.toMatchObject({ code: "queue_unavailable" });
      await systemClock.sleep(1_500); // the outage itself
      await server.start();
      const backMs = Date.now();
      await vi.waitFor(() => queue.add([{ id: "after", data: {} }]), WITHIN);
      await vi.waitFor(() => expect(seen).toContain("after"), WITHIN);
      const tookMs = Date.now() - backMs;
      console.info(`${kind}: a job ran ${tookMs} ms after the server was back; ${errors.length} errors told`);
      expect(tookMs).toBeLessThan(2 * BUSY_MS);
      expect(errors.length).toBeLessThan(100);
    });

    test("a backend closes in good time during the outage", async () => {
      const server = await start(boot);
      const backend = await open({ kind, url: server.url });
      for (const name of ["events", "runs"] as const) {
        backend.work(name, async () => ({ kind: "done" }), { concurrency: 1, onError: () => undefined });
      }
      await backend.open("runs").add([{ id: "one", data: {} }]);
      await server.kill();
      const startedMs = Date.now();
      await backend.close();
      expect(Date.now() - startedMs).toBeLessThan(BUSY_MS);
    });
  });
});

describe.skipIf(inject("redisUrl") === undefined)("Redis alone", () => {
  test("a backend opens while Redis is away, and works when it comes", async () => {
    const server = await start(startRedis);
    await server.kill();
    const backend = await open({ kind: "redis", url: server.url });
    const seen: string[] = [];
    backend.work(
      "runs",
      async ({ id }) => {
        seen.push(id);
        return { kind: "done" };
      },
      { concurrency: 1, onError: () => undefined },
    );
    await expect(backend.open("runs").add([{ id: "early", data: {} }])).rejects.toMatchObject({
      code: "queue_unavailable",
    });
    await server.start();
    await vi.waitFor(() => backend.open("runs").add([{ id: "early", data: {} }]), WITHIN);
    await vi.waitFor(() => expect(seen).toEqual(["early"]), WITHIN);
  });

  test("jobs that Redis lost are unknown, and may be added again", async () => {
    const server = await start(startRedis);
    const backend = await open({ kind: "redis", url: server.url });
    const queue = backend.open("runs");
    await queue.add([{ id: "lost", data: {} }]);
    const client = new Redis(server.url);
    await client.flushall();
    client.disconnect();
    expect((await queue.states(["lost"])).get("lost")).toBe("unknown");
    await queue.add([{ id: "lost", data: {} }]);
    expect((await queue.states(["lost"])).get("lost")).toBe("waiting");
  });

  test("a backend that is closed leaves no timer behind, for which its process would have to wait", async () => {
    const server = await start(startRedis);
    // In a process of its own: around a test there are timers of others.
    const { stdout } = await promisify(execFile)(process.execPath, [CLOSES_A_BACKEND, server.url]);
    const { during, timers } = JSON.parse(stdout) as { readonly during: number; readonly timers: number }; // by that script
    expect(during).toBeGreaterThan(0);
    expect(timers).toBe(0);
  });

  test("a policy that evicts jobs is warned of at the start", async () => {
    const server = await start(startRedis);
    const client = new Redis(server.url);
    await client.config("SET", "maxmemory-policy", "allkeys-lru");
    client.disconnect();
    const warnings: string[] = [];
    await open({ kind: "redis", url: server.url }, (warning) => warnings.push(warning));
    expect(warnings).toEqual([expect.stringContaining("allkeys-lru")]);
  });
});

test.skipIf(inject("postgresUrl") === undefined)(
  "a worker and a queue that first look while PostgreSQL is away work when it comes",
  async () => {
    const server = new URL(inject("postgresUrl") ?? "");
    const database = await createTestDatabase(server.href);
    onTestFinished(() => database.drop());
    const line = await layLine(Number(server.port));
    await line.mend();
    onTestFinished(() => line.cut());
    const url = new URL(database.url);
    url.port = String(line.port);
    const backend = await open({ kind: "postgres", url: url.href });

    await line.cut();
    const seen: string[] = [];
    backend.work(
      "runs",
      async ({ id }) => {
        seen.push(id);
        return { kind: "done" };
      },
      { concurrency: 1, onError: () => undefined },
    );
    await expect(backend.open("runs").add([{ id: "early", data: {} }])).rejects.toMatchObject({
      code: "queue_unavailable",
    });
    await line.mend();
    await vi.waitFor(() => backend.open("runs").add([{ id: "late", data: {} }]), WITHIN);
    await vi.waitFor(() => expect(seen).toContain("late"), WITHIN);
  },
);

test("a PostgreSQL that is not there is a clear failure at the start", async () => {
  const url = `postgres://relay@127.0.0.1:${await freePort()}/relay`;
  await expect(open({ kind: "postgres", url })).rejects.toMatchObject({ code: "queue_unavailable" });
});

async function start(boot: () => Promise<TestServer>): Promise<TestServer> {
  const server = await boot();
  onTestFinished(() => server.stop());
  return server;
}

async function open(
  config: QueueConfig,
  onWarning: (warning: string) => void = () => undefined,
): Promise<QueueBackend> {
  const backend = await createQueueBackend(config, {
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    onWarning,
  });
  onTestFinished(() => backend.close());
  return backend;
}
