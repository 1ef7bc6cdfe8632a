import { Redis } from "ioredis";
import pg from "pg";
import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { events } from "../../../src/ledger/schema.ts";
import { createTestDatabase, startRedis } from "../../support/servers.ts";
import { bodyOf, deliver, openReceiver, type Receiver } from "./open-receiver.ts";

/** Signs are looked at every two seconds. */
const WITHIN = { timeout: 30_000, interval: 100 };
const hasServers = inject("postgresUrl") !== undefined && inject("redisUrl") !== undefined;

const statusesOf = async (receiver: Receiver, ids: readonly string[]): Promise<readonly number[]> =>
  (await Promise.all(ids.map((id) => deliver(receiver.url, bodyOf(id))))).map(({ status }) => status);
const ids = (name: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`);
const metricsOf = async (receiver: Receiver): Promise<string> => (await fetch(`${receiver.url}/metrics`)).text();
const intakeOf = async (receiver: Receiver): Promise<unknown> => (await fetch(`${receiver.url}/readyz`)).json();

/** A Redis of its own and a fresh database. */
async function openOnServers(environment: Readonly<Record<string, string>> = {}) {
  const redis = await startRedis();
  onTestFinished(redis.stop);
  const database = await createTestDatabase(inject("postgresUrl") ?? "");
  onTestFinished(database.drop);
  const receiver = await openReceiver(
    { DATABASE_URL: database.url, REDIS_URL: redis.url, ...environment },
    { work: ["upkeep"] },
  );
  onTestFinished(receiver.close);
  return { redis, database, receiver };
}

describe.skipIf(!hasServers)("with PostgreSQL and Redis", () => {
  test("a queue that is down refuses nobody until the outbox is too long; then 503 with Retry-After, until it is handed over", async () => {
    const { redis, receiver } = await openOnServers({ OUTBOX_MAX_EVENTS: "20" });
    await redis.kill();
    expect(new Set(await statusesOf(receiver, ids("below", 19)))).toEqual(new Set([202]));
    expect(await intakeOf(receiver)).toMatchObject({ ready: true, queue: "unavailable", intake: "open" });
    expect(await statusesOf(receiver, ["the-last"])).toEqual([202]);

    const refused = await vi.waitFor(async () => {
      const answer = await deliver(receiver.url, bodyOf("one-too-many"));
      expect(answer.status).toBe(503);
      return answer;
    }, WITHIN);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(60);
    expect(await intakeOf(receiver)).toMatchObject({ ready: true, intake: "refusing" });
    expect(await metricsOf(receiver)).toContain('relay_pressure{reason="outbox_size"} 1');

    await redis.start();
    await vi.waitFor(async () => expect(await statusesOf(receiver, ["one-too-many"])).toEqual([202]), WITHIN);
    expect(await metricsOf(receiver)).not.toContain("relay_pressure{");
    await vi.waitFor(async () => {
      const rows = await receiver.ledger.db.select().from(events);
      expect(rows.filter(({ id }) => id.startsWith("below-") || id === "the-last")).toHaveLength(20);
      expect(rows.every(({ queuedAtMs }) => queuedAtMs !== null)).toBe(true);
    }, WITHIN);
  });

  test("a Redis that is nearly full is not filled up: deliveries are taken, and wait in the ledger until it has room", async () => {
    const { redis, receiver } = await openOnServers();
    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    const usedNow = async (): Promise<number> => Number(/^used_memory:(\d+)/m.exec(await client.info("memory"))?.[1]);
    const most = (await usedNow()) + 20_000_000;
    await client.config("SET", "maxmemory", String(most));
    for (let name = 0; (await usedNow()) < 0.85 * most; name += 1)
      await client.hset("other", name, "x".repeat(200_000));
    await vi.waitFor(async () => expect(await metricsOf(receiver)).toContain('{reason="queue_memory"} 1'), WITHIN);

    expect(new Set(await statusesOf(receiver, ids("kept", 30)))).toEqual(new Set([202]));
    expect(await intakeOf(receiver)).toMatchObject({ ready: true, intake: "open" });
    // They may be noted as handed over with their commit; that is taken back a moment later.
    await vi.waitFor(async () => {
      const rows = await receiver.ledger.db.select().from(events);
      expect(rows.map(({ queuedAtMs }) => queuedAtMs)).toEqual(Array(30).fill(null));
    }, WITHIN);

    await client.del("other");
    await vi.waitFor(async () => {
      const now = await receiver.ledger.db.select().from(events);
      expect(now.filter(({ queuedAtMs }) => queuedAtMs !== null)).toHaveLength(30);
    }, WITHIN);
  });

  test("a ledger that lags is asked for no more than it can do: 503 while others still wait, and none is lost when it is quick again", async () => {
    const { database, receiver } = await openOnServers({ LEDGER_MAX_LAG_MS: "300" });
    const blocker = new pg.Client({ connectionString: database.url });
    await blocker.connect();
    onTestFinished(() => blocker.end());
    await blocker.query("begin");
    await blocker.query("lock table relay.events in access exclusive mode");

    const waiting = statusesOf(receiver, ["waits"]);
    await vi.waitFor(async () => expect(await intakeOf(receiver)).toMatchObject({ intake: "refusing" }), WITHIN);
    const refused = await Promise.race([deliver(receiver.url, bodyOf("comes-too-late")), waiting]);
    if (!("status" in refused)) throw new Error(`the first to come was answered first: ${refused}`);
    expect(refused.status).toBe(503);
    const seconds = Number(refused.headers.get("retry-after"));
    expect(seconds).toBeGreaterThanOrEqual(5);
    expect(seconds).toBeLessThanOrEqual(60);

    await blocker.query("commit");
    expect(await waiting).toEqual([202]);
    await vi.waitFor(async () => expect(await statusesOf(receiver, ["after"])).toEqual([202]), WITHIN);
    const rows = await receiver.ledger.db.select().from(events);
    expect(rows.map(({ id }) => id).sort()).toEqual(["after", "waits"]);
  });
});
