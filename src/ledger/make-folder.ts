import { silentLog } from "../telemetry/log.ts";
import { endWithDatabase } from "./end-with-database.ts";
import { openSmall } from "./small-pglite.ts";

// A process of its own that makes an embedded database in an empty folder, and ends.
const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("name a folder");
const pglite = await openSmall(folder, endWithDatabase(silentLog));
await pglite.close();
