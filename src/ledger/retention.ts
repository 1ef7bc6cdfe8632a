import { and, eq, inArray, isNull, lt, ne, notExists, or, type SQL, sql } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import { forgetAccesses } from "./accesses.ts";
import { noteForgotten } from "./forgotten-until.ts";
import { linesOf } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { forgetNames } from "./run-names.ts";
import {
  accessReads,
  answers,
  attempts,
  bulkActions,
  bulkItems,
  deliveries,
  earlierOutputs,
  events,
  folderClaims,
  notices,
  outputs,
  receipts,
  refusals,
  runFiles,
  runs,
  toolCalls,
  toolRequests,
} from "./schema.ts";
import { hasEnded, owesAnEnd } from "./shared-links.ts";

const HOUR_MS = 3_600_000;
const PART_OF_RETENTION = 1 / 24;

/** How often finished work is forgotten: once an hour, or sooner where little is to be remembered. @returns milliseconds */
export const forgetEveryMs = (retentionMs: number): number =>
  Math.min(HOUR_MS, Math.ceil(retentionMs * PART_OF_RETENTION));

/** Where a search may find events again, and from which moment of Fast.io's clock on. */
export type Findable = {
  /** A workspace, or a share with files of its own. */
  readonly scopeId: string;
  readonly sinceMs: number;
};

/** Events that catch-up may find again: forgotten, they would count as new, and their files get a second run. */
export type KeptEvents = {
  readonly findable: readonly Findable[];
  /** Those that ended before this are forgotten even so: a search may be closed for good. See {@link FINDABLE_FOR}. */
  readonly untilMs: number;
};

/** What catch-up may find again is remembered so many times as long as the rest, at most. */
export const FINDABLE_FOR = 2;

const FINDABLE = { scope_id: "text", since_ms: "bigint" } as const;

/** Rows forgotten per table and call, so that no call holds the ledger for long. */
const MAX_ROWS = 1_000;

/**
 * Forgets what ended before a moment: what was done to many runs at once, deliveries, refusal counts, routed events, finished runs with
 * their files, outputs, attempts, answers and claims (but to folders that a link may still show), notices that were sent or given up, and calls of tools.
 * Unfinished work is never forgotten. An event that is forgotten and delivered again counts as new,
 * but its run collides as long as that is remembered; events therefore go only after their runs, and until when they
 * went is remembered.
 * @param kept what is not forgotten yet all the same
 * @returns rows forgotten; call again while it is not 0
 */
export async function forgetBefore(db: Db, beforeMs: number, kept?: KeptEvents): Promise<number> {
  return db.transaction(async (tx) => {
    let forgotten = 0;
    forgotten += await forgetSome(tx, deliveries, lt(deliveries.receivedAtMs, beforeMs));
    forgotten += await forgetSome(tx, refusals, lt(refusals.minuteMs, beforeMs));
    forgotten += await forgetSome(tx, notices, and(ne(notices.state, "waiting"), lt(notices.createdAtMs, beforeMs)));
    forgotten += await forgetSome(tx, toolCalls, lt(toolCalls.atMs, beforeMs));
    forgotten += await forgetSome(tx, toolRequests, lt(toolRequests.startedAtMs, beforeMs));

    const isOldBulk = lt(bulkActions.finishedAtMs, beforeMs);
    const oldBulks = tx.select({ id: bulkActions.id }).from(bulkActions).where(isOldBulk);
    forgotten += await forgetSome(tx, bulkItems, inArray(bulkItems.bulkId, oldBulks));
    const itsItems = tx.select({ id: bulkItems.bulkId }).from(bulkItems).where(eq(bulkItems.bulkId, bulkActions.id));
    forgotten += await forgetSome(tx, bulkActions, and(isOldBulk, notExists(itsItems)));

    const oldRuns = await tx
      .select({ id: runs.id })
      .from(runs)
      .where(and(isNull(runs.queue), lt(runs.finishedAtMs, beforeMs), sql`(${owesAnEnd}) is not true`))
      .limit(MAX_ROWS)
      // One that somebody is at work on is forgotten the next time.
      .for("update", { skipLocked: true });
    if (oldRuns.length > 0) {
      const ids = oldRuns.map(({ id }) => id);
      await tx.delete(attempts).where(inArray(attempts.runId, ids));
      await tx.delete(outputs).where(inArray(outputs.runId, ids));
      await tx.delete(earlierOutputs).where(inArray(earlierOutputs.runId, ids));
      // A folder that a link may still show stays claimed: nobody else's outputs are to be put before its guests.
      const unshown = tx
        .select({ id: runs.id })
        .from(runs)
        .where(and(inArray(runs.id, ids), or(isNull(runs.shareId), hasEnded(beforeMs))));
      await tx.delete(folderClaims).where(inArray(folderClaims.runId, unshown));
      await tx.delete(answers).where(inArray(answers.runId, ids));
      await tx.delete(receipts).where(inArray(receipts.runId, ids));
      await tx.delete(runFiles).where(inArray(runFiles.runId, ids));
      await forgetNames(tx, ids);
      await tx.delete(accessReads).where(inArray(accessReads.runId, ids));
      await tx.delete(runs).where(inArray(runs.id, ids));
      forgotten += ids.length;
    }

    forgotten += await forgetAccesses(tx, beforeMs, MAX_ROWS);

    const oldEvents = await tx
      .select({
        key: events.key,
        workspaceId: events.workspaceId,
        shareId: events.shareId,
        occurredAtMs: events.occurredAtMs,
        receivedAtMs: events.receivedAtMs,
      })
      .from(events)
      .leftJoin(runs, eq(runs.eventKey, events.key))
      .where(and(ne(events.status, "accepted"), lt(events.routedAtMs, beforeMs), isNull(runs.id), mayGo(kept)))
      .limit(MAX_ROWS);
    if (oldEvents.length > 0) {
      await tx.delete(events).where(
        inArray(
          events.key,
          oldEvents.map(({ key }) => key),
        ),
      );
      await noteForgotten(tx, oldEvents, beforeMs);
      forgotten += oldEvents.length;
    }
    return forgotten;
  });
}

function mayGo(kept: KeptEvents | undefined): SQL | undefined {
  if (kept === undefined) return undefined;
  const lines = kept.findable.map(({ scopeId, sinceMs }) => ({ scope_id: scopeId, since_ms: sinceMs }));
  return sql`(${events.routedAtMs} < ${kept.untilMs} or not exists (
    select from ${linesOf(sql`${JSON.stringify(lines)}`, FINDABLE, "findable")}
    where findable.scope_id in (${events.workspaceId}, ${events.shareId})
      and coalesce(${events.occurredAtMs}, ${events.receivedAtMs}) >= findable.since_ms))`;
}

async function forgetSome(db: Pick<Db, "delete" | "select">, table: PgTable, where: SQL | undefined): Promise<number> {
  // By the place of the row: some tables have a key of two columns.
  const old = db.select({ place: sql`ctid` }).from(table).where(where).limit(MAX_ROWS);
  return (await db.delete(table).where(inArray(sql`ctid`, old)).returning({ one: sql`1` })).length;
}
