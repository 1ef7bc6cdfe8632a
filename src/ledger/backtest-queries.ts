import { and, asc, avg, desc, eq, gt, gte, inArray, isNotNull, min, or } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type EventRow, events, type RunRow, runFiles, runs } from "./schema.ts";

/** Events that came since a moment, oldest first, so many at a time. @param after the last one of the page before */
export const listEventsSince = (
  db: Db,
  sinceMs: number,
  limit: number,
  after?: Pick<EventRow, "receivedAtMs" | "key">,
): Promise<EventRow[]> =>
  db
    .select()
    .from(events)
    .where(
      and(
        gte(events.receivedAtMs, sinceMs),
        after &&
          or(
            gt(events.receivedAtMs, after.receivedAtMs),
            and(eq(events.receivedAtMs, after.receivedAtMs), gt(events.key, after.key)),
          ),
      ),
    )
    .orderBy(asc(events.receivedAtMs), asc(events.key))
    .limit(limit);

/** When the oldest event came that the ledger remembers; null when there is none. */
export async function oldestEventMs(db: Db): Promise<number | null> {
  const [row] = await db.select({ ms: min(events.receivedAtMs) }).from(events);
  return row?.ms ?? null;
}

/** The newest run on a file, whatever its rule: it knows what the file was like. */
export async function findRunOfNode(db: Db, nodeId: string): Promise<RunRow | undefined> {
  const [run] = await db.select().from(runs).where(eq(runs.nodeId, nodeId)).orderBy(desc(runs.createdAtMs)).limit(1);
  return run;
}

/** The run that a rule made of an event, or of the same version of its file: alone or in a batch. */
export async function findRunMade(
  db: Db,
  made: { readonly ruleName: string; readonly eventKey: string; readonly ids: readonly string[] },
): Promise<string | undefined> {
  const [run] = await db
    .select({ id: runs.id })
    .from(runs)
    .where(or(inArray(runs.id, [...made.ids]), and(eq(runs.ruleName, made.ruleName), eq(runs.eventKey, made.eventKey))))
    .limit(1);
  if (run) return run.id;
  const [batched] = await db
    .select({ id: runFiles.runId })
    .from(runFiles)
    .where(inArray(runFiles.fileKey, [...made.ids]))
    .limit(1);
  return batched?.id;
}

/** What a run used on average: of the rule itself, else of the rules with the same app; null when none is known. */
export async function meanTokens(db: Db, ruleName: string, app: string): Promise<number | null> {
  for (const same of [eq(runs.ruleName, ruleName), eq(runs.app, app)]) {
    const [row] = await db
      .select({ tokens: avg(runs.totalTokens).mapWith(Number) })
      .from(runs)
      .where(and(same, isNotNull(runs.totalTokens)));
    if (row?.tokens != null) return Math.round(row.tokens);
  }
  return null;
}
