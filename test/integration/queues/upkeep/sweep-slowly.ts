import { randomUUID } from "node:crypto";
import { createQueueBackend } from "../../../../queues/create-queue-backend.ts";
import { startTicker } from "../../../../queues/upkeep/ticker.ts";
import { startUpkeepWorker } from "../../../../queues/upkeep/worker.ts";
import { systemClock } from "../../../../src/clock.ts";
import { openLedger } from "../../../../src/ledger/open-ledger.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

const [url = "", sweepMs = ""] = process.argv.slice(2);
const clock = systemClock;

// A process that does upkeep as every worker does, but whose sweep takes its time and says when it is at it.
const ledger = await openLedger(url, silentLog);
const backend = await createQueueBackend({ kind: "postgres", url }, { clock, random: Math.random, log: silentLog });
const retentionMs = 90 * 86_400_000;
startTicker({
  queue: backend.open("upkeep"),
  ...{ clock, log: silentLog, retentionMs },
  lookout: { until: async () => undefined }, // there is always something to hand over
});
startUpkeepWorker(backend, {
  db: ledger.db,
  ...{ clock, log: silentLog, newId: () => randomUUID() },
  retentionMs,
  sweep: async () => {
    console.log(JSON.stringify({ what: "begins", atMs: clock.now() }));
    await clock.sleep(Number(sweepMs));
    console.log(JSON.stringify({ what: "ends", atMs: clock.now() }));
  },
});
