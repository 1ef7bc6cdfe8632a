import { and, eq, inArray, isNull, ne, not, or, type SQL, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { isSame } from "./is-same.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { isReadAfter } from "./readings.ts";
import { type NewRun, type RunRow, type RunStatus, runs } from "./schema.ts";

/** Statuses of a run that may not have asked anything of Dify yet; whether it has, `submittedAtMs` tells. */
const WAITING: readonly RunStatus[] = ["queued", "fetching", "running", "held"];
/** Statuses of a run whose result never comes, unless somebody replays it. */
const WITHOUT_RESULT: readonly RunStatus[] = ["failed", "cancelled", "skipped"];

export const NEWER_CAME = "a newer version of the file came";

/**
 * Whether a newer version of a run's file has a run of the same rule that stands or is on its way, as a condition.
 * A batch goes its way with all its files; see docs/decisions/0011-bursts.md.
 * @param row the name by which the statement calls the run
 */
export const isOutdated = (row: string): SQL => {
  const of = sql.raw(row);
  return sql`${of}.seen_at_ms is not null and ${of}.file_count is null and exists (
    select from ${runs} newer
    where newer.node_id = ${of}.node_id and ${isSame(sql`newer.rule_name`, sql`${of}.rule_name`)} and newer.id <> ${of}.id
      and newer.file_count is null
      and coalesce(newer.reading > ${of}.reading, newer.seen_at_ms > ${of}.seen_at_ms)
      and newer.status not in (${sql.raw(WITHOUT_RESULT.map((status) => `'${status}'`).join(", "))}))`;
};

const outdated = builtOnce((db) =>
  db
    .select({ isOutdated: sql<boolean>`${isOutdated("asked")}` })
    .from(
      sql`(select ${sql.placeholder("id")}::text as id, ${sql.placeholder("ruleName")}::text as rule_name,
        ${sql.placeholder("nodeId")}::text as node_id, ${sql.placeholder("seenAtMs")}::bigint as seen_at_ms,
        ${sql.placeholder("reading")}::bigint as reading, ${sql.placeholder("fileCount")}::integer as file_count) asked`,
    )
    .prepare(UNNAMED),
);

/** The same of a run that the ledger need not have yet. */
export async function hasNewer(
  db: Db,
  run: Pick<RunRow, "id" | "ruleName" | "nodeId" | "seenAtMs" | "reading" | "fileCount">,
): Promise<boolean> {
  const { id, ruleName, nodeId, seenAtMs, reading, fileCount } = run;
  const [told] = await outdated(db).execute({ id, ruleName, nodeId, seenAtMs, reading, fileCount });
  return told?.isOutdated === true;
}

/** Skips runs of the same rule for older versions of the file, as long as nothing was asked of Dify for them. */
export async function skipOlder(db: Db, run: NewRun, nowMs: number): Promise<void> {
  await db
    .update(runs)
    .set(asSkipped(nowMs))
    .where(
      and(
        eq(runs.nodeId, run.nodeId),
        isSame(runs.ruleName, run.ruleName),
        ne(runs.id, run.id),
        isNull(runs.fileCount),
        isNull(runs.submittedAtMs),
        inArray(runs.status, [...WAITING]),
        or(
          isNull(runs.seenAtMs),
          not(isReadAfter(runs, { reading: run.reading ?? null, seenAtMs: run.seenAtMs ?? nowMs })),
        ),
      ),
    );
}

/** What a run says of itself that a newer version has made needless. */
export const SUPERSEDED = {
  status: "skipped",
  queue: null,
  progress: null,
  errorCode: "superseded",
  errorMessage: NEWER_CAME,
  errorStep: null,
  nextAction: null,
} as const;

/** For a run that waits; a worker that holds it meanwhile loses its lease, and with it the right to go on. */
export const asSkipped = (nowMs: number) => ({
  ...SUPERSEDED,
  waitingApp: null,
  gatheringKey: null,
  leaseOwner: null,
  leaseUntilMs: 0,
  updatedAtMs: nowMs,
  finishedAtMs: nowMs,
});
