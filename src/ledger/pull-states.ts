import { and, asc, eq, isNotNull, isNull, notInArray, or, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { type PullSource, pullStates } from "./schema.ts";

export type PullState = typeof pullStates.$inferSelect;

const WELL = { errorCode: null, errorMessage: null, nextAction: null, failingSinceMs: null } as const;
const CHECKED = { checkErrorMessage: null, checkNextAction: null, checkFailingSinceMs: null } as const;

type Workspace = { readonly id: string; readonly name: string };

/** Why a workspace cannot be read, or checked. */
export type PullFault = { readonly code: string; readonly message: string; readonly nextAction: string | undefined };

/** Writes down that a workspace was read; what was wrong with it is over. What is not read by a feed needs no check. */
export async function recordPull(
  db: Db,
  workspace: Workspace,
  pull: { readonly source: PullSource; readonly atMs: number },
): Promise<void> {
  const state = {
    workspaceName: workspace.name,
    source: pull.source,
    pulledAtMs: pull.atMs,
    ...WELL,
    ...(pull.source !== "changes" && CHECKED),
  };
  await db
    .insert(pullStates)
    .values({ workspaceId: workspace.id, ...state })
    .onConflictDoUpdate({ target: pullStates.workspaceId, set: state });
}

/** Writes down why a workspace cannot be read; since when stays until it can. */
export async function recordPullFailure(
  db: Db,
  workspace: Workspace,
  failure: PullFault,
  nowMs: number,
): Promise<void> {
  const state = {
    workspaceName: workspace.name,
    errorCode: failure.code,
    errorMessage: failure.message,
    nextAction: failure.nextAction ?? null,
  };
  await db
    .insert(pullStates)
    .values({ workspaceId: workspace.id, ...state, failingSinceMs: nowMs })
    .onConflictDoUpdate({
      target: pullStates.workspaceId,
      set: { ...state, failingSinceMs: sql`coalesce(${pullStates.failingSinceMs}, excluded.failing_since_ms)` },
    });
}

/** Writes down why a workspace that is read by a feed cannot be checked by a search; since when stays until it can. */
export async function recordCheckFailure(
  db: Db,
  workspace: Workspace,
  failure: PullFault,
  nowMs: number,
): Promise<void> {
  const state = {
    workspaceName: workspace.name,
    checkErrorMessage: failure.message,
    checkNextAction: failure.nextAction ?? null,
  };
  await db
    .insert(pullStates)
    .values({ workspaceId: workspace.id, ...state, checkFailingSinceMs: nowMs })
    .onConflictDoUpdate({
      target: pullStates.workspaceId,
      set: {
        ...state,
        checkFailingSinceMs: sql`coalesce(${pullStates.checkFailingSinceMs}, excluded.check_failing_since_ms)`,
      },
    });
}

/** Writes down that a workspace was checked. */
export async function recordCheck(db: Db, workspace: Workspace): Promise<void> {
  await db
    .update(pullStates)
    .set(CHECKED)
    .where(and(eq(pullStates.workspaceId, workspace.id), isNotNull(pullStates.checkFailingSinceMs)));
}

/**
 * What is not to be read any more does not fail: nothing else would end what was wrong with it. What was never read,
 * such as a workspace that a rule named by a name of nobody, is forgotten altogether.
 */
export async function forgetFailures(db: Db, watchedIds: readonly string[]): Promise<void> {
  await db
    .delete(pullStates)
    .where(and(isNull(pullStates.pulledAtMs), notInArray(pullStates.workspaceId, [...watchedIds])));
  await db
    .update(pullStates)
    .set({ ...WELL, ...CHECKED })
    .where(
      and(
        or(isNotNull(pullStates.failingSinceMs), isNotNull(pullStates.checkFailingSinceMs)),
        notInArray(pullStates.workspaceId, [...watchedIds]),
      ),
    );
}

export async function listPullStates(db: Db): Promise<readonly PullState[]> {
  return db.select().from(pullStates).orderBy(asc(pullStates.workspaceName), asc(pullStates.workspaceId));
}
