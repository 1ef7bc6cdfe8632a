// A process of its own: makes the ledger that tests copy, and compiles for all that come after it what a relay loads.
import "drizzle-orm/node-postgres/migrator";
import "pg";
import "../../src/cli/start.ts";
import { openLedger } from "../../src/ledger/open-ledger.ts";
import { silentLog } from "../../src/telemetry/log.ts";

const [url] = process.argv.slice(2);
if (url === undefined) throw new Error("usage: make-ledger.ts pglite:FOLDER");
const ledger = await openLedger(url, silentLog);
await ledger.close();
