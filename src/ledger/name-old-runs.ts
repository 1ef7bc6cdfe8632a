import { asc, inArray, sql } from "drizzle-orm";
import { readCursor, writeCursor } from "./cursors.ts";
import type { Db } from "./open-ledger.ts";
import { nameRuns } from "./run-names.ts";
import { runFiles, runs } from "./schema.ts";

/** The cursor that tells how far it came, and what it tells when all runs have their names. */
export const RUN_NAMES = "run_names";
export const NAMED = "done";

/**
 * Lets runs be found by name that were made by a relay which kept no names, the oldest first. How far it came is
 * written down with what it did; a repeat does no harm.
 * @returns how many it looked at; 0: there are no more, now and for ever
 */
export async function nameOldRuns(db: Db, limit: number, nowMs: number): Promise<number> {
  const at = (await readCursor(db, RUN_NAMES))?.value;
  if (at === NAMED) return 0;
  return db.transaction(async (tx) => {
    const rows = await tx
      .select({
        id: runs.id,
        createdAtMs: runs.createdAtMs,
        actorUserId: runs.actorUserId,
        actorEmail: runs.actorEmail,
        invited: runs.invited,
        fileName: runs.fileName,
        fileCount: runs.fileCount,
      })
      .from(runs)
      .where(at === undefined ? undefined : above(at))
      .orderBy(asc(runs.createdAtMs), asc(runs.id))
      .limit(limit)
      // One that is being forgotten meanwhile gets no name: nothing would ever take it away.
      .for("key share");
    const batches = rows.filter(({ fileCount }) => fileCount !== null).map(({ id }) => id);
    const files = batches.length === 0 ? [] : await tx.select().from(runFiles).where(inArray(runFiles.runId, batches));
    await nameRuns(
      tx,
      rows.map((run) => ({
        run,
        files:
          run.fileCount === null ? [{ ordinal: 0, name: run.fileName }] : files.filter(({ runId }) => runId === run.id),
      })),
    );
    const last = rows.length < limit ? undefined : rows.at(-1);
    await writeCursor(tx, RUN_NAMES, last ? `${last.createdAtMs}-${last.id}` : NAMED, nowMs);
    return rows.length;
  });
}

/** @param place time and id, as the cursor has them */
const above = (place: string) =>
  sql`(${runs.createdAtMs}, ${runs.id}) > (${Number.parseInt(place, 10)}::bigint, ${place.slice(place.indexOf("-") + 1)}::text)`;
