import { sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { rowsOf } from "./rows-of.ts";

/** Whether the database takes changes: a standby takes none, nor does one that was made read only since its disk is full. */
export async function mayWrite(db: Db): Promise<boolean> {
  const [answer] = rowsOf(await db.execute(sql`select current_setting('transaction_read_only') as read_only`));
  return answer?.["read_only"] !== "on";
}

export const READ_ONLY = "takes no changes: it is read only";
export const READ_ONLY_REMEDY =
  "Let DATABASE_URL name the primary server; where that is it, see why it was made read only, such as for a full disk.";
