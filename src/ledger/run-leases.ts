import { and, eq, getTableColumns, isNotNull, isNull, lt, or, sql } from "drizzle-orm";
import type { NewAttempt } from "./attempts.ts";
import { findRun } from "./find-run.ts";
import type { Db } from "./open-ledger.ts";
import { addPeople } from "./run-names.ts";
import { attempts, type RunQueue, type RunRow, type RunWait, runs } from "./schema.ts";

/** How early a job may come without being sent back, in milliseconds. */
export const EARLY_MS = 100;

/**
 * Takes a run for one worker until the lease ends.
 * @returns the run; `held` with the end of the other's lease; or `finished` when nothing is left to do for this queue
 */
export async function claimRun(
  db: Db,
  id: string,
  queue: RunQueue,
  lease: { readonly owner: string; readonly nowMs: number; readonly untilMs: number },
): Promise<
  | { readonly kind: "claimed"; readonly run: RunRow }
  | { readonly kind: "held"; readonly untilMs: number }
  | { readonly kind: "finished" }
> {
  const [run] = await db
    .update(runs)
    .set({
      leaseOwner: lease.owner,
      leaseUntilMs: lease.untilMs,
      startedAtMs: sql`coalesce(${runs.startedAtMs}, ${lease.nowMs})`,
    })
    .where(
      and(
        eq(runs.id, id),
        eq(runs.queue, queue),
        // A job that was handed over twice comes before the time the upstream asked for.
        lt(runs.notBeforeMs, lease.nowMs + EARLY_MS),
        or(lt(runs.leaseUntilMs, lease.nowMs), eq(runs.leaseOwner, lease.owner)),
      ),
    )
    .returning();
  if (run) return { kind: "claimed", run };
  const found = await findRun(db, id);
  return found?.queue === queue
    ? { kind: "held", untilMs: Math.max(found.leaseUntilMs, found.notBeforeMs) }
    : { kind: "finished" };
}

/** Lengthens a lease. @returns undefined when it was lost; else when somebody asked to cancel the run, if so */
export async function renewLease(
  db: Db,
  id: string,
  owner: string,
  untilMs: number,
): Promise<{ readonly cancelAskedAtMs: number | null } | undefined> {
  const [kept] = await db
    .update(runs)
    .set({ leaseUntilMs: untilMs })
    .where(and(eq(runs.id, id), eq(runs.leaseOwner, owner)))
    .returning({ cancelAskedAtMs: runs.cancelAskedAtMs });
  return kept;
}

/** Frees every lease: right after start on an embedded ledger, whose only user is this process. */
export async function releaseAllLeases(db: Db): Promise<void> {
  await db.update(runs).set({ leaseOwner: null, leaseUntilMs: 0 }).where(isNotNull(runs.leaseOwner));
}

export type RunChange = Partial<
  Omit<RunRow, "id" | "ruleName" | "rule" | "eventKey" | "createdAtMs" | "updatedAtMs" | "leaseOwner" | "leaseUntilMs">
>;

export type CheckpointOptions = {
  /** Written in the same statement. */
  readonly attempts?: readonly NewAttempt[];
  /** Gives the lease back. */
  readonly release?: boolean;
  /** What the run is to wait for; not so when somebody asked to cancel it meanwhile, as that is due at once. */
  readonly wait?: { readonly notBeforeMs: number; readonly waitingApp?: string; readonly for: RunWait };
};

/**
 * What nobody else changes while a worker has the run, so that it need not be told of it: to read a run's rule and nodes
 * costs as much as to write the rest.
 */
const { rule, ruleName, eventKey, eventType, actorUserId, actorEmail, ...others } = getTableColumns(runs);
const { workspaceId, workspaceName, sourceShareId, parentRunId, folderPath, app, ...further } = others;
const { traceparent, sentInputs, nodes, outputTexts, leaseOwner, leaseUntilMs, ...TOLD } = further;

export type WrittenRun = Pick<RunRow, keyof typeof TOLD>;

/**
 * Writes a checkpoint, provided the lease is still ours.
 * @returns how the run stands now, beside what its worker knows; or undefined when the lease was lost
 */
export async function checkpointRun(
  db: Db,
  id: string,
  owner: string,
  change: RunChange,
  nowMs: number,
  options: CheckpointOptions = {},
): Promise<WrittenRun | undefined> {
  const { invited = [] } = change;
  if (invited.length === 0) return writeCheckpoint(db, id, owner, change, nowMs, options);
  return db.transaction(async (tx) => {
    const run = await writeCheckpoint(tx, id, owner, change, nowMs, options);
    if (run) await addPeople(tx, run, invited);
    return run;
  });
}

async function writeCheckpoint(
  db: Db,
  id: string,
  owner: string,
  change: RunChange,
  nowMs: number,
  { release = false, wait, attempts: ended = [] }: CheckpointOptions,
): Promise<WrittenRun | undefined> {
  const isWanted = isNull(runs.cancelAskedAtMs);
  const [run] = await withAttempts(db, ended)
    .update(runs)
    .set({
      ...change,
      ...(wait && { notBeforeMs: sql`case when ${isWanted} then ${wait.notBeforeMs}::bigint else 0 end` }),
      ...(wait?.waitingApp !== undefined && {
        waitingApp: sql`case when ${isWanted} then ${wait.waitingApp}::text else null end`,
      }),
      updatedAtMs: nowMs,
      ...(release ? { leaseOwner: null, leaseUntilMs: 0 } : {}),
    })
    .where(and(eq(runs.id, id), eq(runs.leaseOwner, owner)))
    .returning(TOLD);
  return run;
}

/** They are written whether or not the lease is still there: each was made. */
function withAttempts(db: Db, ended: readonly NewAttempt[]): Pick<Db, "update"> {
  if (ended.length === 0) return db;
  return db.with(
    db.$with("attempted").as(
      db
        .insert(attempts)
        .values([...ended])
        .returning({ id: attempts.id }),
    ),
  );
}
