import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { rowsOf } from "../../../src/ledger/rows-of.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import type { TestBackend } from "../../support/backends.ts";
import { cpuMs } from "../../support/process-figures.ts";

const LOOK_EVERY_MS = 20;
const PATIENCE_MS = 60_000;
/** A process that computes less than this part of the time has nothing to do. */
const RESTING = 0.2;
const REST_LOOK_MS = 150;

/**
 * Waits until the queue has so many jobs; where it is in an embedded ledger, until its process rests.
 * @returns when that was, by `performance.now()`
 */
export async function waitForJobs(
  { name, environment }: TestBackend,
  jobs: number,
  processes: readonly { readonly pid: number }[],
  fault: (line: string) => void,
): Promise<number> {
  const overMs = Date.now() + PATIENCE_MS;
  if (name === "pglite") {
    const cpu = (): number => processes.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
    for (;;) {
      const [lookedMs, before] = [performance.now(), cpu()];
      await delay(REST_LOOK_MS);
      const computedMs = cpu() - before;
      // What it computed while we waited came first.
      if (computedMs <= RESTING * REST_LOOK_MS || Date.now() >= overMs) return lookedMs + computedMs;
    }
  }
  const { count, close } = await openCounter(environment);
  try {
    while ((await count()) < jobs) {
      if (Date.now() > overMs) {
        fault(`${name}: of ${jobs} events the queue has ${await count()} after a minute`);
        break;
      }
      await delay(LOOK_EVERY_MS);
    }
    return performance.now();
  } finally {
    await close();
  }
}

/** Jobs of events that nobody takes: BullMQ keeps those with a priority in a list of their own. */
async function openCounter({ REDIS_URL, DATABASE_URL }: Readonly<Record<string, string>>) {
  if (REDIS_URL !== undefined) {
    const redis = new Redis(REDIS_URL);
    const count = async (): Promise<number> =>
      (await redis.llen("relay:events:wait")) + (await redis.zcard("relay:events:prioritized"));
    return { count, close: async () => redis.disconnect() };
  }
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  const count = async (): Promise<number> =>
    Number((await client.query("select count(*) from bullmq.job where queue = 'events'")).rows[0]?.count);
  return { count, close: () => client.end() };
}

/** What the ledger has, asked when no relay holds it. */
export async function countDeliveries({
  environment,
}: TestBackend): Promise<{ readonly deliveries: number; readonly events: number }> {
  const ledger = await openLedger(environment["DATABASE_URL"] ?? "", silentLog);
  try {
    const [row] = rowsOf(
      await ledger.db.execute(
        "select (select count(*) from relay.deliveries where verdict = 'accepted')::int as deliveries, (select count(*) from relay.events)::int as events",
      ),
    );
    return { deliveries: Number(row?.["deliveries"]), events: Number(row?.["events"]) };
  } finally {
    await ledger.close();
  }
}
