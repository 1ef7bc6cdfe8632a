import { sql } from "drizzle-orm";
import { Redis } from "ioredis";
import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { examineLedger } from "../../../src/doctor/examine-own.ts";
import { events } from "../../../src/ledger/schema.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createTestDatabase, startPostgres, startRedis } from "../../support/servers.ts";
import { bodyOf, deliver, openReceiver, signed } from "./open-receiver.ts";

const WITHIN = { timeout: 60_000, interval: 100 };

describe.skipIf(inject("postgresUrl") === undefined)("PostgreSQL killed under the receiver", () => {
  test("is 503 with Retry-After until it is back; then deliveries are accepted, and none is lost or doubled", async () => {
    const postgres = await startPostgres();
    onTestFinished(postgres.stop);
    const receiver = await openReceiver({ DATABASE_URL: postgres.url });
    onTestFinished(receiver.close);
    expect((await deliver(receiver.url, bodyOf("before"))).status).toBe(202);

    await postgres.kill();
    const refused = await Promise.all(["a", "b", "c"].map((id) => deliver(receiver.url, bodyOf(id))));
    for (const answer of refused) {
      expect(answer.status).toBe(503);
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await answer.json()).toEqual({ error: "cannot commit now, send it again later" });
    }
    expect((await fetch(`${receiver.url}/healthz`)).status).toBe(200);
    const readiness = await fetch(`${receiver.url}/readyz`);
    expect(readiness.status).toBe(503);
    expect(await readiness.json()).toMatchObject({ ready: false, ledger: "unavailable" });
    // A stranger learns nothing of the outage.
    expect((await deliver(receiver.url, "{}", { "content-type": "application/json" })).status).toBe(401);

    await postgres.start();
    for (const id of ["before", "a", "b", "c"]) {
      const body = bodyOf(id);
      await vi.waitFor(async () => expect((await deliver(receiver.url, body, signed(body))).status).toBe(202), WITHIN);
    }
    const rows = await receiver.ledger.db.select().from(events);
    expect(rows.map(({ id }) => id).sort()).toEqual(["a", "b", "before", "c"]);
    expect((await fetch(`${receiver.url}/readyz`)).status).toBe(200);
  });
});

describe.skipIf(inject("postgresUrl") === undefined)("PostgreSQL made read only, as for a full disk", () => {
  test("is told as not ready, refuses a start in words, and serves again when it takes changes", async () => {
    const postgres = await startPostgres();
    onTestFinished(postgres.stop);
    const environment = { DATABASE_URL: postgres.url };
    const receiver = await openReceiver(environment);
    onTestFinished(receiver.close);
    const readiness = async () => (await fetch(`${receiver.url}/readyz`)).json();
    const set = async (change: string) => {
      await receiver.ledger.db.execute(sql.raw(`alter system ${change}`));
      await receiver.ledger.db.execute(sql`select pg_reload_conf()`);
    };
    await set("set default_transaction_read_only = on");
    await vi.waitFor(
      async () => expect(await readiness()).toMatchObject({ ready: false, ledger: "unavailable" }),
      WITHIN,
    );
    expect((await deliver(receiver.url, bodyOf("a"))).status).toBe(503);
    const [found] = await examineLedger(postgres.url, { clock: { now: Date.now }, log: silentLog });
    expect(found).toMatchObject({ check: "ledger", status: "failed", fault: "ledger_unavailable" });
    await expect(openReceiver(environment)).rejects.toMatchObject({
      code: "ledger_unavailable",
      message: "PostgreSQL takes no changes: it is read only",
    });
    await set("reset default_transaction_read_only");
    await vi.waitFor(async () => expect(await readiness()).toMatchObject({ ready: true, ledger: "ok" }), WITHIN);
    expect((await deliver(receiver.url, bodyOf("a"))).status).toBe(202);
  });
});

describe.skipIf(inject("postgresUrl") === undefined || inject("redisUrl") === undefined)("Redis away", () => {
  test("deliveries are accepted, and the sweep hands them over when it is back", async () => {
    const { environment, redis } = await servers();
    const receiver = await openReceiver(environment, { work: ["upkeep"] });
    onTestFinished(receiver.close);
    await redis.kill();
    const names = Array.from({ length: 20 }, (_, index) => `while-down-${index}`);
    const answers = await Promise.all(names.map((name) => deliver(receiver.url, bodyOf(name))));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const readiness = await fetch(`${receiver.url}/readyz`);
    expect(readiness.status).toBe(200);
    expect(await readiness.json()).toMatchObject({ ledger: "ok", queue: "unavailable" });

    await redis.start();
    await vi.waitFor(async () => {
      const rows = await receiver.ledger.db.select().from(events);
      expect(rows).toHaveLength(20);
      expect(rows.every(({ queuedAtMs }) => queuedAtMs !== null)).toBe(true);
    }, WITHIN);
  });

  test("a queue that was wiped gets its work back from the ledger, each event once more and no more", async () => {
    const { environment, redis } = await servers();
    const receiver = await openReceiver(environment, { work: ["upkeep"] });
    onTestFinished(receiver.close);
    const names = Array.from({ length: 20 }, (_, index) => `wiped-${index}`);
    await Promise.all(names.map((name) => deliver(receiver.url, bodyOf(name))));
    await vi.waitFor(async () => {
      const rows = await receiver.ledger.db.select().from(events);
      expect(rows.filter(({ queuedAtMs }) => queuedAtMs !== null)).toHaveLength(20);
    }, WITHIN);

    const client = new Redis(redis.url);
    onTestFinished(() => client.disconnect());
    const jobs = () => client.keys("*:events:event-ev-*");
    // The ledger marks an event queued as it commits it, a moment before the queue has it.
    await vi.waitFor(async () => expect(await jobs()).toHaveLength(20), WITHIN);
    await client.flushall();
    await vi.waitFor(async () => {
      const rows = await receiver.ledger.db.select().from(events);
      expect(rows.map(({ generation }) => generation)).toEqual(Array(20).fill(1));
      expect(rows.every(({ queuedAtMs }) => queuedAtMs !== null)).toBe(true);
    }, WITHIN);
    await vi.waitFor(async () => expect(await jobs()).toHaveLength(20), WITHIN);
  });
});

/** A Redis of its own, to be killed, and a fresh database. */
async function servers() {
  const redis = await startRedis();
  onTestFinished(redis.stop);
  const database = await createTestDatabase(inject("postgresUrl") ?? "");
  onTestFinished(database.drop);
  return { redis, environment: { DATABASE_URL: database.url, REDIS_URL: redis.url } };
}
