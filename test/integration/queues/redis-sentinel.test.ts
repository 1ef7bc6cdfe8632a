import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { createOutbox } from "../../../queues/outbox.ts";
import { runJob } from "../../../queues/runs/job.ts";
import { sweep } from "../../../queues/upkeep/sweep.ts";
import { systemClock } from "../../../src/clock.ts";
import { examineQueue } from "../../../src/doctor/examine-own.ts";
import { runs } from "../../../src/ledger/schema.ts";
import { type Log, silentLog } from "../../../src/telemetry/log.ts";
import { askRedis, startWatchedRedis, type WatchedRedis } from "../../support/redis-servers.ts";
import { SOON } from "../../support/soon.ts";
import { givenRun, openTestLedger, readRunRow, type TestLedger } from "../../support/test-ledger.ts";
import { sampleRule } from "../../support/workbench.ts";

const DONE = { kind: "done" } as const;
const LONG_AGO = Date.now() - 60_000;

describe.skipIf(inject("redisUrl") === undefined)("a queue on a Redis that sentinels watch", () => {
  let redis: WatchedRedis;
  let ledger: TestLedger;
  beforeAll(async () => {
    [redis, ledger] = await Promise.all([startWatchedRedis(), openTestLedger()]);
  });
  afterAll(() => Promise.all([redis?.stop(), ledger?.dispose()]));

  test("goes on with the next master when the master is killed, and the sweep brings back what that one never had", async () => {
    const warned: string[] = [];
    const log: Log = { ...silentLog, warn: (event) => warned.push(event) };
    const deps = { clock: systemClock, random: Math.random, log };
    const backend = await createQueueBackend({ kind: "redis", url: redis.url }, deps);
    onTestFinished(() => backend.close());
    const queues = {
      ...{ events: backend.open("events"), runs: backend.open("runs") },
      ...{ shares: backend.open("shares"), upkeep: backend.open("upkeep") },
    };
    const outbox = createOutbox({ db: ledger.db, queues, clock: systemClock, log });
    const sweepNow = sweep({ db: ledger.db, queues, outbox, clock: systemClock, log });
    expect((await examineQueue(redis.url)).map(({ status, fault }) => fault ?? status)).toEqual([
      ...["ok", "queue_may_forget"],
    ]);

    const before = await givenRun(ledger.db, sampleRule());
    expect(await outbox.sendRuns([before])).toBe(true);
    await vi.waitFor(async () => expect(await queues.runs.counts()).toMatchObject({ waiting: 1 }), SOON);
    const keysAt = (port: number) => askRedis(port, "dbsize");
    await vi.waitFor(async () => {
      expect(await keysAt(redis.replica.port)).toEqual(await keysAt(redis.master.port));
    }, SOON);

    // What the master took last has not reached the replica when it dies.
    process.kill(redis.replica.pid, "SIGSTOP");
    await askRedis(redis.master.port, "client", "kill", "type", "replica");
    const lost = await givenRun(ledger.db, sampleRule());
    expect(await outbox.sendRuns([lost])).toBe(true);
    await redis.master.kill();
    process.kill(redis.replica.pid, "SIGCONT");
    const killedMs = Date.now();
    await expect(queues.runs.counts()).rejects.toMatchObject({ code: "queue_unavailable", retryable: true });
    expect(Date.now() - killedMs).toBeLessThan(9_000);

    const seen: string[] = [];
    const errors: unknown[] = [];
    backend.work(
      "runs",
      async ({ id }) => {
        seen.push(id);
        return DONE;
      },
      { concurrency: 1, onError: (error) => errors.push(error) },
    );
    const jobOf = ({ id }: { readonly id: string }, generation: number) => runJob(id, generation).id;
    await vi.waitFor(() => expect(seen).toEqual([jobOf(before, 0)]), SOON);
    console.info(`redis by sentinels: work went on ${Date.now() - killedMs} ms after the master was killed`);
    expect(await redis.masterPort()).toBe(redis.replica.port);

    await ledger.db.update(runs).set({ queuedAtMs: LONG_AGO, updatedAtMs: LONG_AGO }).where(eq(runs.id, lost.id));
    await vi.waitFor(async () => {
      await sweepNow();
      expect(seen).toContain(jobOf(lost, 1));
    }, SOON);
    expect((await readRunRow(ledger.db, lost.id)).generation).toBe(1);
    expect(seen).not.toContain(jobOf(lost, 0));
    expect(errors.length).toBeLessThan(20);
    expect(warned).toContain("queue.connection_lost");
  });
});
