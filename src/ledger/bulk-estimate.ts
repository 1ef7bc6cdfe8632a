import { and, asc, desc, eq, isNotNull, sql } from "drizzle-orm";
import { type Targets, targetsOf } from "./bulk-targets.ts";
import type { Db } from "./open-ledger.ts";
import { type RunRow, type RunStatus, runs } from "./schema.ts";

/** Runs of a rule that tell what one takes. */
const RECENT = 100;

/** Matching runs of one rule and app that stand in the same place. */
export type TargetGroup = {
  readonly ruleName: string;
  readonly app: string | null;
  readonly status: RunStatus;
  readonly count: number;
  /** Those whose outputs are there: a replay delivers them, and starts no workflow. */
  readonly deliverable: number;
};

/** How many runs are meant, by rule, app and status. */
export function countTargets(db: Db, { deed, filter }: Targets): Promise<readonly TargetGroup[]> {
  // As `isDeliverable` has it.
  const deliverable = sql`${runs.status} <> 'delivered' and ${runs.collectedAtMs} is not null and ${runs.errorCode} is distinct from 'upload_failed'`;
  return db
    .select({
      ruleName: runs.ruleName,
      app: runs.app,
      status: runs.status,
      count: sql`count(*)`.mapWith(Number),
      deliverable: sql`count(*) filter (where ${deliverable})`.mapWith(Number),
    })
    .from(runs)
    .where(targetsOf(db, deed, filter))
    .groupBy(runs.ruleName, runs.app, runs.status)
    .orderBy(runs.ruleName, runs.status);
}

/** What some of the runs that are meant are called, those first that come first. */
export async function sampleTargets(
  db: Db,
  { deed, filter }: Targets,
  limit: number,
): Promise<readonly Pick<RunRow, "id" | "fileName" | "fileCount" | "ruleName">[]> {
  return db
    .select({ id: runs.id, fileName: runs.fileName, fileCount: runs.fileCount, ruleName: runs.ruleName })
    .from(runs)
    .where(targetsOf(db, deed, filter))
    .orderBy(asc(runs.createdAtMs), asc(runs.id))
    .limit(limit);
}

/** What a run of a rule takes, in the middle of its recent ones; null: none tells. */
export type UsualRun = { readonly tokens: number | null; readonly elapsedMs: number | null };

/** By the latest runs that told their tokens. */
export async function usualRunOf(db: Db, ruleName: string): Promise<UsualRun> {
  const recent = db
    .select({ tokens: runs.totalTokens, elapsedMs: runs.elapsedMs })
    .from(runs)
    .where(and(eq(runs.ruleName, ruleName), isNotNull(runs.totalTokens)))
    .orderBy(desc(runs.createdAtMs))
    .limit(RECENT)
    .as("recent");
  const median = (column: typeof recent.tokens | typeof recent.elapsedMs) =>
    sql<number | null>`percentile_disc(0.5) within group (order by ${column})`;
  const [row] = await db.select({ tokens: median(recent.tokens), elapsedMs: median(recent.elapsedMs) }).from(recent);
  const numberOf = (value: number | null | undefined): number | null => (value == null ? null : Number(value));
  return { tokens: numberOf(row?.tokens), elapsedMs: numberOf(row?.elapsedMs) };
}
