import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { writeCursor } from "../../../src/ledger/cursors.ts";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { createLog } from "../../../src/telemetry/log.ts";

// A process of its own that writes into an embedded ledger, and then fills file after file of its log of changes.
const [folder = "", inTheWay = ""] = process.argv.slice(2);
/** More than lie there already, to be used again. */
const MANY_FILES = 20;

const { db } = await openLedger(`pglite:${folder}`, createLog("info"));
await writeCursor(db, "kept", "what was committed", 1);
mkdirSync(join(folder, inTheWay));
for (let file = 0; file < MANY_FILES; file += 1) {
  await writeCursor(db, "filling", String(file), file);
  await db.execute(sql`select pg_switch_wal()`);
}
console.log("there was room");
