import { eq } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type RunRow, runs } from "./schema.ts";

export async function findRun(db: Db, id: string): Promise<RunRow | undefined> {
  const [row] = await db.select().from(runs).where(eq(runs.id, id));
  return row;
}
