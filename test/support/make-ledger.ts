// A process of its own: makes what tests copy, a ledger with the queue in it, and compiles for all that come after it
// what a relay loads.
import "drizzle-orm/node-postgres/migrator";
import "pg";
import { createQueueBackend } from "../../queues/create-queue-backend.ts";
import "../../src/cli/start.ts";
import { systemClock } from "../../src/clock.ts";
import { openLedger } from "../../src/ledger/open-ledger.ts";
import { silentLog } from "../../src/telemetry/log.ts";

const [url] = process.argv.slice(2);
if (url === undefined) throw new Error("usage: make-ledger.ts pglite:FOLDER | postgres://…");
const ledger = await openLedger(url, silentLog);
const backend = await createQueueBackend(
  ledger.pglite ? { kind: "pglite", pglite: ledger.pglite } : { kind: "postgres", url },
  {
    clock: systemClock,
    random: Math.random,
    log: silentLog,
  },
);
await backend.close();
await ledger.close();
