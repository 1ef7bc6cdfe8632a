import { eq, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { runs } from "./schema.ts";

/** Adds a warning to a run that nobody works on any more; what it says already is not said twice. */
export async function warnEndedRun(db: Db, runId: string, warning: string): Promise<void> {
  await db
    .update(runs)
    .set({
      warning: sql`case when ${runs.warning} is null then ${warning}::text when position(${warning}::text in ${runs.warning}) > 0 then ${runs.warning} else ${runs.warning} || '; ' || ${warning}::text end`,
    })
    .where(eq(runs.id, runId));
}
