import { and, eq, isNull, sql } from "drizzle-orm";
import { joinBatch } from "./batches.ts";
import { type EventEnd, fileColumns } from "./event-queries.ts";
import { heldByFlood } from "./flood.ts";
import type { Db } from "./open-ledger.ts";
import { nameRuns } from "./run-names.ts";
import { events, type NewRun, type RunRow, runFiles, runs } from "./schema.ts";
import { asSkipped, hasNewer, skipOlder } from "./supersede.ts";
import type { Made, WantedRun } from "./wanted-run.ts";

/**
 * Ends the routing of an event: its runs and its outcome in one transaction.
 * Runs that exist already (same rule, node and version) are left as they are. Of several versions of one file the
 * newest gets the run: older ones that nothing was asked of Dify for are skipped.
 * @param floodHold unfinished runs of one rule above which further ones are held
 * @returns the runs that are new or have got a file more
 */
export async function createRuns(
  db: Db,
  eventKey: string,
  wanted: readonly WantedRun[],
  end: EventEnd,
  nowMs: number,
  floodHold = Number.POSITIVE_INFINITY,
): Promise<readonly RunRow[]> {
  return db.transaction(async (tx) => {
    const made: RunRow[] = [];
    const reasons: Record<string, string> = { ...end.reasons };
    for (const run of wanted.toSorted(byRule)) {
      await lockRule(tx, run.ruleName);
      const make = run.rule.run.group === "batch" ? joinBatch : createOne;
      const { run: row, reason } = await make(tx, run, nowMs, floodHold);
      if (row) made.push(row);
      if (reason !== undefined) reasons[run.ruleName] = reason;
    }
    await tx
      .update(events)
      .set({ status: end.status, reasons, routedAtMs: nowMs, ...fileColumns(end.file) })
      .where(eq(events.key, eventKey));
    return made;
  });
}

/** In the same order by everybody, or two events would wait for each other for ever. */
const byRule = (a: NewRun, b: NewRun): number => (a.ruleName < b.ruleName ? -1 : a.ruleName > b.ruleName ? 1 : 0);

/** One event at a time makes runs of a rule, so that what is counted and compared holds until the commit. */
const lockRule = (tx: Db, ruleName: string): Promise<unknown> =>
  tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`relay.rule ${ruleName}`}, 0))`);

async function createOne(tx: Db, wanted: WantedRun, nowMs: number, floodHold: number): Promise<Made> {
  const { fileHash: _hash, ...run } = wanted;
  const others = await tx
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.nodeId, run.nodeId), eq(runs.ruleName, run.ruleName)));
  if (others.some(({ id }) => id === run.id)) {
    await waitLonger(tx, run);
    return {};
  }
  // The rule may have gathered files before.
  if ((await tx.$count(runFiles, eq(runFiles.fileKey, run.id))) > 0) return {};
  const isOld = others.length > 0 && (await hasNewer(tx, { ...run, ...readingOf(run), fileCount: null }));
  if (!isOld && others.length > 0) await skipOlder(tx, run, nowMs);
  const state = isOld ? asSkipped(nowMs) : await heldByFlood(tx, run.ruleName, floodHold);
  const [row] = await tx
    .insert(runs)
    .values({ ...run, ...state })
    .onConflictDoNothing()
    .returning();
  if (!row) return {};
  await nameRuns(tx, [{ run: row, files: [{ ordinal: 0, name: row.fileName }] }]);
  return { run: row };
}

const readingOf = ({ seenAtMs, reading }: NewRun) => ({ seenAtMs: seenAtMs ?? null, reading: reading ?? null });

/** Another event about a file that is waited for until it is left alone. */
async function waitLonger(tx: Db, { id, dueAtMs = 0 }: NewRun): Promise<void> {
  if (dueAtMs === 0) return;
  await tx
    .update(runs)
    .set({ dueAtMs: sql`greatest(${runs.dueAtMs}, ${dueAtMs}::bigint)` })
    .where(and(eq(runs.id, id), eq(runs.status, "queued"), isNull(runs.queuedAtMs)));
}
