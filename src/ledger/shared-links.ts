import { and, desc, eq, isNotNull, isNull, lt, lte, or, type SQL, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { recordOperatorAction } from "./operator-actions.ts";
import { type RunRow, runs } from "./schema.ts";

/** Who the relay is in the list of what was done by hand. */
const RELAY_ACTOR = "relay";

/** The run that is meant by its own id or by that of its share. */
export async function findSharedRun(db: Db, shareOrRun: string): Promise<RunRow | undefined> {
  const [run] = await db
    .select()
    .from(runs)
    .where(or(eq(runs.id, shareOrRun), eq(runs.shareId, shareOrRun)))
    // An id of ours is never an id of theirs; of several runs the newest has the share.
    .orderBy(desc(runs.createdAtMs))
    .limit(1);
  return run;
}

/** `open`: people may still get in. `ended`: its time has passed, or it was closed. */
export type LinkState = "open" | "ended";

/** How a run's link stands. Closing is what the relay did; where Fast.io ends links by itself, its word is taken for it. */
export function linkStateOf(
  run: Pick<RunRow, "shareClosedAtMs" | "shareExpiresAtMs" | "shareExpiresBy">,
  nowMs: number,
): LinkState {
  if (run.shareClosedAtMs !== null) return "ended";
  const byFastio = run.shareExpiresBy === "fastio" && run.shareExpiresAtMs !== null;
  return byFastio && (run.shareExpiresAtMs ?? 0) <= nowMs ? "ended" : "open";
}

/** The same asked of the ledger. Of a link that does not end by itself the answer may be null, which is not true. */
export const hasEnded = (nowMs: number): SQL | undefined =>
  or(isNotNull(runs.shareClosedAtMs), and(eq(runs.shareExpiresBy, "fastio"), lte(runs.shareExpiresAtMs, nowMs)));

export type LinkFilter = {
  readonly ruleName?: string | undefined;
  /** Absent: both. */
  readonly state?: LinkState | undefined;
  /** Below this place in the list. */
  readonly after?: { readonly createdAtMs: number; readonly id: string } | undefined;
};

/** Runs that have a link, newest first. */
export function listSharedRuns(
  db: Db,
  { ruleName, state, after }: LinkFilter,
  nowMs: number,
  limit: number,
): Promise<RunRow[]> {
  const isEnded = hasEnded(nowMs);
  return db
    .select()
    .from(runs)
    .where(
      and(
        isNotNull(runs.shareId),
        ruleName === undefined ? undefined : eq(runs.ruleName, ruleName),
        // Comparisons with null are null, which is not true: said as `is not true`.
        state === undefined ? undefined : state === "ended" ? isEnded : sql`(${isEnded}) is not true`,
        after &&
          or(
            lt(runs.createdAtMs, after.createdAtMs),
            and(eq(runs.createdAtMs, after.createdAtMs), lt(runs.id, after.id)),
          ),
      ),
    )
    .orderBy(desc(runs.createdAtMs), desc(runs.id))
    .limit(limit);
}

/**
 * Writes down that a link is to be closed; whoever closes links next does it.
 * Asked again, the first wish and its reason stand.
 */
export async function askToClose(
  db: Db,
  runId: string,
  why: { readonly actor: string; readonly reason: string | null },
  nowMs: number,
): Promise<void> {
  await db.transaction(async (tx) => {
    const [run] = await tx
      .update(runs)
      .set({
        shareCloseAskedAtMs: nowMs,
        shareCloseAskedBy: why.actor,
        shareCloseReason: why.reason,
        shareCloseRetryAtMs: 0,
        updatedAtMs: nowMs,
      })
      .where(and(eq(runs.id, runId), isNull(runs.shareCloseAskedAtMs), isNull(runs.shareClosedAtMs)))
      .returning({ shareId: runs.shareId });
    // Asked for before and not done yet: it is tried at once, whatever stood against it.
    if (!run) {
      await tx.update(runs).set({ shareCloseRetryAtMs: 0 }).where(eq(runs.id, runId));
      return;
    }
    await recordOperatorAction(tx, {
      atMs: nowMs,
      actor: why.actor,
      action: "share.revoke",
      target: run.shareId ?? runId,
      detail: { run: runId, ...(why.reason === null ? {} : { reason: why.reason }) },
    });
  });
}

/** Links whose time has come and that the relay ends, or that somebody asked to close. */
const isDue = (nowMs: number): SQL | undefined =>
  and(
    isNotNull(runs.shareId),
    isNull(runs.shareClosedAtMs),
    lte(runs.shareCloseRetryAtMs, nowMs),
    // Whoever works on the run may be making the link anew.
    lt(runs.leaseUntilMs, nowMs),
    // 'relay' word for word as in the index, or the planner does not see that it fits.
    or(
      isNotNull(runs.shareCloseAskedAtMs),
      and(sql`${runs.shareExpiresBy} = 'relay'`, lte(runs.shareExpiresAtMs, nowMs)),
    ),
  );

/** Ids of runs whose link is to be closed now, the longest due first. */
export async function listDueClosings(db: Db, nowMs: number, limit: number): Promise<readonly string[]> {
  const rows = await db
    .select({ id: runs.id })
    .from(runs)
    .where(isDue(nowMs))
    .orderBy(sql`coalesce(${runs.shareCloseAskedAtMs}, ${runs.shareExpiresAtMs})`)
    .limit(limit);
  return rows.map(({ id }) => id);
}

/** Takes a run for closing its link, as a worker takes it for its work. @returns undefined when it is not due any more */
export async function claimForClosing(
  db: Db,
  id: string,
  lease: { readonly owner: string; readonly nowMs: number; readonly untilMs: number },
): Promise<RunRow | undefined> {
  const [run] = await db
    .update(runs)
    .set({ leaseOwner: lease.owner, leaseUntilMs: lease.untilMs })
    .where(and(eq(runs.id, id), isDue(lease.nowMs)))
    .returning();
  return run;
}

const mine = (id: string, owner: string): SQL | undefined => and(eq(runs.id, id), eq(runs.leaseOwner, owner));
const RELEASE = { leaseOwner: null, leaseUntilMs: 0 } as const;

/** Writes down that a link is closed, once, and gives the run back. */
export async function recordClosed(
  db: Db,
  run: RunRow,
  owner: string,
  told: { readonly atMs: number; readonly how: string },
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [closed] = await tx
      .update(runs)
      .set({ ...RELEASE, shareClosedAtMs: told.atMs, shareCloseError: null, updatedAtMs: told.atMs })
      .where(and(mine(run.id, owner), isNull(runs.shareClosedAtMs)))
      .returning({ id: runs.id });
    if (!closed) return false;
    await recordOperatorAction(tx, {
      atMs: told.atMs,
      actor: RELAY_ACTOR,
      action: "share.close",
      target: run.shareId ?? run.id,
      detail: {
        run: run.id,
        how: told.how,
        why: run.shareCloseAskedAtMs === null ? "its time had come" : `asked by ${run.shareCloseAskedBy ?? "somebody"}`,
      },
    });
    return true;
  });
}

/** Writes down why a link could not be closed, and gives the run back. */
export async function recordNotClosed(
  db: Db,
  run: Pick<RunRow, "id">,
  owner: string,
  told: { readonly error: string | null; readonly retryAtMs: number },
): Promise<void> {
  await db
    .update(runs)
    .set({
      ...RELEASE,
      shareCloseRetryAtMs: told.retryAtMs,
      ...(told.error === null ? {} : { shareCloseError: told.error }),
    })
    .where(mine(run.id, owner));
}

/** Runs that must not be forgotten yet: the relay has promised to end their link. */
export const owesAnEnd: SQL | undefined = and(
  isNotNull(runs.shareId),
  isNull(runs.shareClosedAtMs),
  or(isNotNull(runs.shareCloseAskedAtMs), and(eq(runs.shareExpiresBy, "relay"), isNotNull(runs.shareExpiresAtMs))),
);
