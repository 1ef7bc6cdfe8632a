import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import type { HandleJob, QueueBackend, WorkOptions } from "../../../queues/backend.ts";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { systemClock } from "../../../src/clock.ts";
import { examineQueue } from "../../../src/doctor/examine-own.ts";
import { TransientError } from "../../../src/errors.ts";
import { QUEUE_NAMES, type QueueName } from "../../../src/queue-names.ts";
import { mastersOf, openRedis } from "../../../src/redis/open-redis.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { askRedis, type RedisCluster, type RedisNode, startRedisCluster } from "../../support/redis-servers.ts";
import { SOON } from "../../support/soon.ts";
import { startHolder } from "./subjects.ts";

const DONE = { kind: "done" } as const;

describe.skipIf(inject("redisUrl") === undefined)("a queue on a cluster of Redis", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster?.stop());

  const mastersWith = async (pattern: string): Promise<readonly RedisNode[]> => {
    const found = await Promise.all(
      cluster.masters.map(async (master) => ({ master, keys: await askRedis(master.port, "keys", pattern) })),
    );
    return found.filter(({ keys }) => Array.isArray(keys) && keys.length > 0).map(({ master }) => master);
  };
  /** A key that this master holds. */
  const keyOn = async ({ port }: Pick<RedisNode, "port">): Promise<string> => {
    for (let at = 0; ; at += 1) {
      const key = `moved-${at}`;
      if (!(await askRedis(port, "get", key).catch((error: unknown) => error))) return key;
    }
  };
  const open = async (prefix: string): Promise<QueueBackend> => {
    const backend = await createQueueBackend(
      { kind: "redis", url: cluster.url, prefix, tuning: { backoffBaseMs: 20 } },
      { clock: systemClock, random: Math.random, log: silentLog },
    );
    onTestFinished(() => backend.close());
    return backend;
  };
  const work = (backend: QueueBackend, name: QueueName, handle: HandleJob, options: Partial<WorkOptions> = {}) => {
    const seen: string[] = [];
    backend.work(
      name,
      (job, signal) => {
        seen.push(job.id);
        return handle(job, signal);
      },
      { concurrency: 1, onError: () => undefined, ...options },
    );
    return seen;
  };

  test("keeps each queue in one slot, and does in every queue what it does on one server", async () => {
    const backend = await open("all");
    for (const name of QUEUE_NAMES) {
      const queue = backend.open(name);
      await queue.add([
        { id: "later", data: {}, priority: 3 },
        { id: "b", data: {}, priority: 2 },
        { id: "a", data: {}, priority: 1 },
        { id: "a", data: {} },
        { id: "first", data: {} },
      ]);
      expect(await queue.counts()).toMatchObject({ waiting: 4 });
      const seen = work(backend, name, async ({ id }) =>
        id === "later" ? { kind: "later", atMs: Date.now() + 60_000 } : DONE,
      );
      await vi.waitFor(() => expect(seen).toEqual(["first", "a", "b", "later"]), SOON);
      await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ completed: 3, delayed: 1 }), SOON);
      expect(Object.fromEntries(await queue.states(["a", "later", "nobody"]))).toEqual({
        ...{ a: "completed", later: "delayed", nobody: "unknown" },
      });
      await queue.drop(["a", "later"]);
      expect((await queue.states(["a"])).get("a")).toBe("unknown");
    }
    const places = await Promise.all(QUEUE_NAMES.map((name) => mastersWith(`all:{${name}}:*`)));
    // One slot a queue, and more than one master for the four of them.
    for (const masters of places) expect(masters).toHaveLength(1);
    expect(new Set(places.flat()).size).toBeGreaterThan(1);
    await backend.check(AbortSignal.timeout(5_000));
  });

  test("tries failures again, puts off, bounds the rate and pauses", async () => {
    const backend = await open("ways");
    const queue = backend.open("runs");
    let putOff = false;
    const times: number[] = [];
    const seen = work(
      backend,
      "runs",
      async ({ id, attempt }) => {
        times.push(Date.now());
        if (id === "fails" && attempt === 1) throw new TransientError("upstream_unavailable", "not yet");
        if (id !== "waits" || putOff) return DONE;
        putOff = true;
        return { kind: "later", atMs: Date.now() + 50 };
      },
      { concurrency: 4, limiter: { max: 1, durationMs: 100 } },
    );
    await queue.add([
      { id: "fails", data: {} },
      { id: "waits", data: {} },
    ]);
    await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ completed: 2 }), SOON);
    expect(seen.toSorted()).toEqual(["fails", "fails", "waits", "waits"]);
    expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(250);
    await queue.pause();
    await queue.add([{ id: "held", data: {} }]);
    expect(Object.values(await queue.counts()).reduce((sum, count) => sum + count, 0)).toBe(3);
    await queue.resume();
    await vi.waitFor(() => expect(seen).toContain("held"), SOON);
  });

  test("gives the job of a killed worker to another", async () => {
    const holder = await startHolder({ kind: "redis", url: cluster.url, prefix: "orphans" }, "orphan");
    onTestFinished(holder.kill);
    await holder.kill();
    const killedMs = Date.now();
    const seen = work(await open("orphans"), "runs", async () => DONE);
    await vi.waitFor(() => expect(seen).toEqual(["orphan"]), SOON);
    console.info(`redis cluster: the job of a killed worker went on after ${Date.now() - killedMs} ms`);
  });

  test("is told of by the doctor, once for all masters", async () => {
    const found = await examineQueue(cluster.url);
    expect(found.map(({ status, fault }) => fault ?? status)).toEqual(["ok", "queue_may_forget"]);
  });

  test("is told of by the doctor as away when it is down, though all masters answer", async () => {
    const [{ port } = { port: 0 }] = cluster.masters;
    const slot = Number(await askRedis(port, "cluster", "keyslot", await keyOn({ port })));
    for (const one of cluster.masters) await askRedis(one.port, "cluster", "delslots", slot);
    const stateOf = async (one: RedisNode) => String(await askRedis(one.port, "cluster", "info")).slice(0, 17);
    const states = () => Promise.all(cluster.masters.map(stateOf));
    await vi.waitFor(async () => expect(new Set(await states())).toEqual(new Set(["cluster_state:fai"])), SOON);
    expect(await examineQueue(cluster.url)).toMatchObject([{ status: "failed", fault: "queue_unavailable" }]);
    await askRedis(port, "cluster", "addslots", slot);
    await vi.waitFor(async () => expect(new Set(await states())).toEqual(new Set(["cluster_state:ok\r"])), SOON);
  });

  test("ends when it is told to, though a command is just moved to another master", async () => {
    const [from, to] = cluster.masters;
    if (!from || !to) throw new Error("a cluster has three masters");
    const client = openRedis(cluster.url, {
      ...{ connectTimeoutMs: 60_000, retryDelayMs: () => 20 },
      ...{ maxRetriesPerRequest: null, waitsForServer: true },
    });
    onTestFinished(() => client.disconnect());
    client.on("error", () => undefined);
    await client.connect();
    for (const master of mastersOf(client)) await master.ping(); // only then there are connections
    const key = await keyOn(from);
    await askRedis(to.port, "cluster", "bumpepoch");
    const id = String(await askRedis(to.port, "cluster", "myid"));
    const slot = Number(await askRedis(to.port, "cluster", "keyslot", key));
    for (const { port } of [to, from]) await askRedis(port, "cluster", "setslot", slot, "node", id);

    const ended = once(client, "end");
    client.get(key).catch(() => undefined);
    client.disconnect();
    await ended;
  });

  test("fails fast while a master is away, and goes on by itself when it is back", async () => {
    // Another try would find the jobs of this one done.
    const prefix = `outage-${randomUUID()}`;
    const backend = await open(prefix);
    const queues = QUEUE_NAMES.map((name) => ({
      queue: backend.open(name),
      seen: work(backend, name, async () => DONE),
    }));
    for (const { queue } of queues) await queue.add([{ id: "before", data: {} }]);
    for (const { seen } of queues) await vi.waitFor(() => expect(seen).toEqual(["before"]), SOON);

    const [master] = await mastersWith(`${prefix}:{runs}:*`);
    await master?.kill();
    const startedMs = Date.now();
    const during = await Promise.allSettled(queues.map(({ queue }) => queue.add([{ id: "during", data: {} }])));
    expect(Date.now() - startedMs).toBeLessThan(9_000);
    const refused = during.filter(({ status }) => status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    for (const outcome of refused)
      expect(outcome).toMatchObject({ reason: { code: "queue_unavailable", retryable: true } });
    await master?.start();
    const backMs = Date.now();
    for (const { queue, seen } of queues) {
      await vi.waitFor(() => queue.add([{ id: "after", data: {} }]), SOON);
      await vi.waitFor(() => expect(seen).toContain("after"), SOON);
    }
    console.info(`redis cluster: every queue was at work ${Date.now() - backMs} ms after the master was back`);
  });
});
