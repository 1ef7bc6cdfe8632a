import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

// A process of its own that opens a ledger, says so, and stays until it is killed.
const [url] = process.argv.slice(2);
if (url === undefined) throw new Error("name a ledger");
await openLedger(url, silentLog);
console.log("open");
setInterval(() => undefined, 60_000);
