import { endWithDatabase } from "../../../src/ledger/end-with-database.ts";
import { openSmall } from "../../../src/ledger/small-pglite.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

const [folder = ""] = process.argv.slice(2);
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

const before = timers();
const opening = openSmall(folder, endWithDatabase(silentLog));
const meanwhile = timers();
const pglite = await opening;
const after = timers();
await pglite.close();
console.log(JSON.stringify({ before, meanwhile, after }));
// A timer that is left would hold it up.
process.exit();
