import { Redis } from "ioredis";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import type { JobQueue, NewJob } from "../../../queues/backend.ts";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { redisNamespace } from "../../support/servers.ts";

const redisUrl = inject("redisUrl");

const JOBS: readonly NewJob[] = [
  { id: "low", data: { text: "ü'\"\\" }, priority: 7 },
  { id: "plain", data: { nested: { list: [1, null] } } },
  { id: "high", data: {}, priority: 1 },
  { id: "second", data: {} },
  { id: "low-too", data: {}, priority: 7 },
];

describe.skipIf(redisUrl === undefined)("jobs that are added to Redis together", () => {
  test("lie there as BullMQ's own way lays them", async () => {
    const [ours, theirs] = [await openQueue(), await openQueue()];
    const addedMs = Date.now();
    await ours.queue.add(JOBS);
    const read = await Promise.all(JOBS.map(({ id }) => ours.queue.bullmq.getJob(id)));
    await theirs.queue.bullmq.addBulk(
      read.flatMap((job) => (job ? { name: job.name, data: job.data, opts: job.opts } : [])),
    );
    for (const { id } of JOBS) {
      const { timestamp, ...job } = await ours.readJob(id);
      const { timestamp: later, ...other } = await theirs.readJob(id);
      expect(Number(timestamp)).toBeGreaterThanOrEqual(addedMs);
      expect(Number(timestamp)).toBeLessThanOrEqual(Number(later));
      expect(job).toEqual(other);
    }
    const lists = await ours.readLists();
    expect(lists).toEqual(await theirs.readLists());
    expect(lists).toMatchObject({ wait: ["second", "plain"], marker: ["0", "0"] });
  });

  test.each([
    { name: "is paused", stop: (queue: JobQueue) => queue.pause() },
    { name: "may have no more under way", stop: (queue: JobQueue) => queue.bullmq.setGlobalConcurrency(0) },
  ])("wake nobody while the queue $name", async ({ stop }) => {
    const { queue, readLists } = await openQueue();
    await stop(queue);
    await queue.add(JOBS);
    expect(await readLists()).toMatchObject({ wait: ["second", "plain"], marker: [] });
  });

  test("are added by the thousand, each once", async () => {
    const { queue } = await openQueue();
    const many = Array.from({ length: 1_203 }, (_, index) => ({ id: `job-${index}`, data: {} }));
    await queue.add(many);
    await queue.add(many);
    expect(await queue.counts()).toMatchObject({ waiting: many.length });
  });
});

async function openQueue() {
  const url = redisUrl ?? "";
  const { prefix, drop } = redisNamespace(url);
  const redis = new Redis(url);
  const backend = await createQueueBackend(
    { kind: "redis", url, prefix },
    { clock: systemClock, random: Math.random, log: silentLog },
  );
  onTestFinished(async () => {
    await backend.close();
    await drop();
    redis.disconnect();
  });
  const key = (name: string): string => `${prefix}:runs:${name}`;
  return {
    queue: backend.open("runs"),
    readJob: async (id: string) => {
      const { opts = "", timestamp, ...job } = await redis.hgetall(key(id));
      return { ...job, timestamp, opts: JSON.parse(opts) as unknown };
    },
    /** What workers go by. */
    readLists: async () => ({
      wait: await redis.lrange(key("wait"), 0, -1),
      prioritized: await redis.zrange(key("prioritized"), "0", "-1", "WITHSCORES"),
      places: await redis.get(key("pc")),
      marker: await redis.zrange(key("marker"), "0", "-1", "WITHSCORES"),
    }),
  };
}
