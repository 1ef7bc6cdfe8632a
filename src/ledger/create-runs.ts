import { and, eq, isNull, sql } from "drizzle-orm";
import { joinBatch } from "./batches.ts";
import { doTogether } from "./do-together.ts";
import { heldByFlood } from "./flood.ts";
import { insertRuns, type RoutedEvent, wholeRun } from "./insert-runs.ts";
import { isSame } from "./is-same.ts";
import type { Db } from "./open-ledger.ts";
import { nameRuns } from "./run-names.ts";
import { events, type NewRun, type RunRow, runFiles, runs } from "./schema.ts";
import { asSkipped, hasNewer, skipOlder } from "./supersede.ts";
import { type Made, madeBefore, type WantedRun } from "./wanted-run.ts";

/** Ends the routing of an event. @returns the runs that are new or have got a file more */
export type MakeRuns = (routed: RoutedEvent) => Promise<readonly RunRow[]>;

/** Events that are routed at the same time make their runs in one transaction; of one file, one after the other. */
export const createRunMaker = (db: Db): MakeRuns =>
  doTogether((routed: readonly RoutedEvent[]) => makeRuns(db, routed), {
    nameOf: ({ eventKey, wanted: [first] }) => first?.nodeId ?? eventKey,
  });

/**
 * Ends the routing of events: their runs and their outcomes in one transaction.
 * Runs that exist already (same rule, node and version) are left as they are. Of several versions of one file the
 * newest gets the run: older ones that nothing was asked of Dify for are skipped.
 * @param routed each about another file
 */
function makeRuns(db: Db, routed: readonly RoutedEvent[]): Promise<readonly (readonly RunRow[])[]> {
  return db.transaction(async (tx) => {
    await lockRules(tx, routed);
    const put = await insertRuns(tx, routed);
    const all: (readonly RunRow[])[] = [];
    for (const one of routed) {
      const isPut = ({ id, rule }: WantedRun): boolean => put.has(id) && rule.run.group !== "batch";
      const made = one.wanted.filter(isPut).map(wholeRun);
      const others = one.wanted.filter((run) => !isPut(run)).toSorted(byRule);
      all.push([...made, ...(await makeOthers(tx, one, others))]);
    }
    return all;
  });
}

/** Those that something stands against, or that join a batch. */
async function makeOthers(
  tx: Db,
  { eventKey, end, nowMs, floodHold }: RoutedEvent,
  others: readonly WantedRun[],
): Promise<readonly RunRow[]> {
  const made: RunRow[] = [];
  const reasons: Record<string, string> = {};
  for (const run of others) {
    const make = run.rule.run.group === "batch" ? joinBatch : createOne;
    const { run: row, reason } = await make(tx, run, nowMs, floodHold);
    if (row) made.push(row);
    if (reason !== undefined) reasons[run.ruleName] = reason;
  }
  if (Object.keys(reasons).length > 0)
    await tx
      .update(events)
      .set({ reasons: { ...end.reasons, ...reasons } })
      .where(eq(events.key, eventKey));
  return made;
}

/** In the same order by everybody, or two events would wait for each other for ever. */
const byRule = (a: NewRun, b: NewRun): number => (a.ruleName < b.ruleName ? -1 : a.ruleName > b.ruleName ? 1 : 0);

/** One transaction at a time makes runs of a rule, so that what is counted and compared holds until the commit. */
async function lockRules(tx: Db, routed: readonly RoutedEvent[]): Promise<void> {
  const names = new Set(routed.flatMap(({ wanted }) => wanted.map(({ ruleName }) => ruleName)));
  if (names.size === 0) return;
  const sorted = JSON.stringify([...names].sort());
  await tx.execute(sql`
    select pg_advisory_xact_lock(hashtextextended('relay.rule ' || name, 0))
    from json_array_elements_text(${sorted}::text::json) as name`);
}

async function createOne(tx: Db, wanted: WantedRun, nowMs: number, floodHold: number): Promise<Made> {
  const { fileHash: _hash, ...run } = wanted;
  const others = await tx
    .select({ runId: runs.id, eventKey: runs.eventKey })
    .from(runs)
    .where(and(eq(runs.nodeId, run.nodeId), isSame(runs.ruleName, run.ruleName)));
  const same = others.find(({ runId }) => runId === run.id);
  if (same) {
    await waitLonger(tx, run);
    return madeBefore(same, run);
  }
  // The rule may have gathered files before.
  const [gathered] = await tx
    .select({ runId: runFiles.runId, eventKey: runFiles.eventKey })
    .from(runFiles)
    .where(eq(runFiles.fileKey, run.id));
  if (gathered) return madeBefore(gathered, run);
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
