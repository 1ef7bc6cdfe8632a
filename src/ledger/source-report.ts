import { readGaps } from "./gap-report.ts";
import type { Db } from "./open-ledger.ts";
import { listPullStates } from "./pull-states.ts";
import type { PullSource } from "./schema.ts";

/** How events of one workspace reached the relay since a moment. Times are milliseconds since the epoch. */
export type WorkspaceSources = {
  readonly workspaceId: string;
  /** null where catch-up does not watch it. */
  readonly workspaceName: string | null;
  /** Events that a webhook told. */
  readonly received: number;
  /** Events that catch-up found. */
  readonly found: number;
  /** Events that catch-up found and no webhook has told so far. */
  readonly recovered: number;
  readonly lastReceivedAtMs: number | null;
  readonly lastFoundAtMs: number | null;
  /** Where catch-up last read, and when; null before it ever could. */
  readonly source: PullSource | null;
  readonly pulledAtMs: number | null;
  /** Why catch-up cannot read it now, since when, and what to do. */
  readonly error: string | null;
  readonly failingSinceMs: number | null;
  readonly nextAction: string | null;
  /** Why its feed, which can be read, cannot be checked by a search, since when, and what to do. */
  readonly checkError: string | null;
  readonly checkFailingSinceMs: number | null;
  readonly checkNextAction: string | null;
};

/**
 * Every workspace that events came from since a moment, and every one that catch-up watches.
 * @param also ids of workspaces to tell of in any case
 */
export async function readSources(
  db: Db,
  sinceMs: number,
  also: Iterable<string> = [],
): Promise<readonly WorkspaceSources[]> {
  const [gaps, states] = await Promise.all([readGaps(db, sinceMs), listPullStates(db)]);
  const ids = new Set([...[...states, ...gaps].map(({ workspaceId }) => workspaceId), ...also]);
  return [...ids].map((workspaceId) => {
    const gap = gaps.find((one) => one.workspaceId === workspaceId);
    const state = states.find((one) => one.workspaceId === workspaceId);
    return {
      workspaceId,
      workspaceName: state?.workspaceName ?? null,
      received: gap?.received ?? 0,
      found: gap?.found ?? 0,
      recovered: gap?.recovered ?? 0,
      lastReceivedAtMs: gap?.lastReceivedAtMs ?? null,
      lastFoundAtMs: gap?.lastFoundAtMs ?? null,
      source: state?.source ?? null,
      pulledAtMs: state?.pulledAtMs ?? null,
      error: state?.errorMessage ?? null,
      failingSinceMs: state?.failingSinceMs ?? null,
      nextAction: state?.nextAction ?? null,
      checkError: state?.checkErrorMessage ?? null,
      checkFailingSinceMs: state?.checkFailingSinceMs ?? null,
      checkNextAction: state?.checkNextAction ?? null,
    };
  });
}
