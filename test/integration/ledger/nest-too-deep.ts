import { sql } from "drizzle-orm";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { silentLog } from "../../../src/telemetry/log.ts";

// A process of its own that asks an embedded ledger for more than its stack holds: PostgreSQL's measure of it is another.
const [folder = ""] = process.argv.slice(2);
const { db } = await openLedger(`pglite:${folder}`, silentLog);
await db.execute(sql`select repeat('[', 200000)::jsonb`);
console.log("there was room");
