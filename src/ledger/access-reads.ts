import { and, asc, eq, gt, isNotNull, isNull, lte, or, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { accessReads, type RunRow, runs } from "./schema.ts";

export type DueReading = {
  readonly run: RunRow;
  /** Events before this have been asked for; null: none ever were. */
  readonly readToMs: number | null;
};

/**
 * Runs with a link, made or brought up to date since a moment, whose accesses are to be asked for now. The longest due
 * first; one that was never asked about is due since it was made, so that many new ones do not hold up the others.
 */
export function listDueReadings(db: Db, sinceMs: number, nowMs: number, limit: number): Promise<readonly DueReading[]> {
  return dueReadings(db).execute({ sinceMs, nowMs, limit });
}

const dueReadings = builtOnce((db) =>
  db
    .select({ run: runs, readToMs: accessReads.readToMs })
    .from(runs)
    .leftJoin(accessReads, eq(accessReads.runId, runs.id))
    .where(
      and(
        isNotNull(runs.shareId),
        gt(runs.updatedAtMs, sql.placeholder("sinceMs")),
        or(isNull(accessReads.dueAtMs), lte(accessReads.dueAtMs, sql.placeholder("nowMs"))),
      ),
    )
    .orderBy(sql`coalesce(${accessReads.dueAtMs}, ${runs.createdAtMs})`, asc(runs.id))
    .limit(sql.placeholder("limit"))
    .prepare(UNNAMED),
);

/** Writes down how far a run's accesses were asked for, and when to ask again. */
export async function recordReading(db: Db, reading: typeof accessReads.$inferInsert): Promise<void> {
  const { runId: _key, ...rest } = reading;
  await db.insert(accessReads).values(reading).onConflictDoUpdate({ target: accessReads.runId, set: rest });
}
