import { and, eq, gt, gte, inArray, lt, type SQL, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { rowsOf } from "./rows-of.ts";
import { besideConditions, isAmong, type RunFilter, rowConditions } from "./run-filter.ts";
import { outputs, runFiles, runPeople, runs } from "./schema.ts";

/** Runs that one id may name: a person may have brought very many files, and is better asked for as a person. */
const MOST_NAMED = 10_000;

/** Something happened to it since. */
export function changedAfter(db: Db, { updatedAfterMs }: RunFilter): SQL | undefined {
  if (updatedAfterMs === undefined) return undefined;
  return inArray(runs.id, db.select({ id: runs.id }).from(runs).where(gt(runs.updatedAtMs, updatedAfterMs)));
}

/** All that a filter says, of the run that is looked at in the query around it. */
export const matching = (db: Db, filter: RunFilter): SQL | undefined =>
  and(
    rowConditions(filter),
    besideConditions(filter),
    byHandle(db, filter),
    changedAfter(db, filter),
    filter.sinceMs === undefined ? undefined : gte(runs.createdAtMs, filter.sinceMs),
    filter.untilMs === undefined ? undefined : lt(runs.createdAtMs, filter.untilMs),
  );

/** The runs that ids or a link name, read beforehand: they are few, which the planner would not guess. */
export async function namedBy(db: Db, filter: RunFilter): Promise<SQL | undefined> {
  const named = idsOf(db, filter);
  if (named === undefined) return undefined;
  return isAmong(rowsOf(await db.execute(sql`${named} limit ${MOST_NAMED}`)).map((row) => String(row["id"])));
}

function byHandle(db: Db, filter: RunFilter): SQL | undefined {
  const named = idsOf(db, filter);
  return named && sql`${runs.id} in (${named})`;
}

/** The run itself, or those that have to do with what an id or a link names; each by an index of its own. */
function idsOf(db: Db, { ids = [], urls = [] }: RunFilter): SQL | undefined {
  if (ids.length === 0 && urls.length === 0) return undefined;
  const known = [...ids];
  const ofRuns = (where: SQL) => db.select({ id: runs.id }).from(runs).where(where);
  const places = [
    ...(known.length === 0
      ? []
      : [
          ...[runs.id, runs.nodeId, runs.workflowRunId, runs.shareId, runs.folderNodeId, runs.eventKey].map((column) =>
            ofRuns(inArray(column, known)),
          ),
          db.select({ id: runFiles.runId }).from(runFiles).where(inArray(runFiles.nodeId, known)),
          db.select({ id: outputs.runId }).from(outputs).where(inArray(outputs.nodeId, known)),
          db.select({ id: runPeople.runId }).from(runPeople).where(inArray(runPeople.person, known)),
        ]),
    ...urls.map((url) => ofRuns(eq(runs.shareUrl, url))),
  ];
  return sql.join(
    places.map((place) => sql`${place}`),
    sql` union `,
  );
}
