import type { Clock } from "../src/clock.ts";
import { ACCESS_KINDS, isAccess } from "../src/ledger/access-kinds.ts";
import { countAccesses, countAccessesOfRuns, listLatestAccesses } from "../src/ledger/accesses.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { AccessRow, RunRow } from "../src/ledger/schema.ts";
import { findSharedRun, linkStateOf, listSharedRuns } from "../src/ledger/shared-links.ts";
import { moreFilesOf } from "../src/text/files-words.ts";
import type { AccessList, ShareList, ShareStory, ShareSummary, SharesQuery, ToldAccess } from "./share-schemas.ts";

/** Accesses told with a share or a run; the export has them all. */
const MAX_ACCESSES = 100;

export type ReadShares = {
  list(query: SharesQuery): Promise<ShareList>;
  /** By the id of the share or of its run. @returns undefined when there is none, or it has no link */
  story(shareOrRun: string): Promise<ShareStory | undefined>;
};

export function createReadShares({ db, clock }: { readonly db: Db; readonly clock: Clock }): ReadShares {
  return {
    list: async ({ rule, state, before, limit }) => {
      const filter = { ruleName: rule, state: state === "all" ? undefined : state, after: before };
      const runs = await listSharedRuns(db, filter, clock.now(), limit);
      const last = runs.length === limit ? runs.at(-1) : undefined;
      const counts = await countAccessesOfRuns(
        db,
        runs.map(({ id }) => id),
      );
      return {
        shares: runs.map((run) => ({ ...summariseShare(run, clock.now()), accesses: counts.get(run.id) ?? 0 })),
        next: last ? `${last.createdAtMs}-${last.id}` : null,
      };
    },
    story: async (shareOrRun) => {
      const run = await findSharedRun(db, shareOrRun);
      if (!run || run.shareId === null) return undefined;
      return { ...summariseShare(run, clock.now()), invited: run.invited, accesses: await readAccessList(db, run.id) };
    },
  };
}

/** The accesses of one run, the latest first. */
export async function readAccessList(db: Db, runId: string): Promise<AccessList> {
  const [count, latest] = await Promise.all([
    countAccesses(db, { runId }),
    listLatestAccesses(db, { runId }, MAX_ACCESSES),
  ]);
  return { count, latest: latest.map(tellAccess) };
}

/** An access in words. Nobody signed in is told only after Fast.io was asked who it was. */
export function tellAccess(row: AccessRow): ToldAccess {
  return {
    atMs: row.atMs,
    kind: row.kind,
    did: isAccess(row.kind) ? ACCESS_KINDS[row.kind] : row.kind,
    who: row.actorEmail ?? row.actorUserId ?? (row.searchedAtMs === null ? "not told" : "anonymous"),
    what: row.objectName ?? row.objectId,
    share: row.shareId,
  };
}

/** The link of a run that has one. @param nowMs decides whether it is open still, in milliseconds since the epoch */
export function summariseShare(run: RunRow, nowMs: number): ShareSummary {
  return {
    share: run.shareId ?? "",
    run: run.id,
    rule: run.ruleName,
    file: run.fileName,
    moreFiles: moreFilesOf(run),
    url: run.shareUrl,
    deliveredAs: run.rule.deliver.as,
    state: linkStateOf(run, nowMs),
    madeAtMs: run.shareReadyAtMs,
    endsAtMs: run.shareExpiresAtMs,
    endsBy: run.shareExpiresBy,
    closedAtMs: run.shareClosedAtMs,
    closeAskedAtMs: run.shareCloseAskedAtMs,
    closeAskedBy: run.shareCloseAskedBy,
    closeReason: run.shareCloseReason,
    closeError: run.shareCloseError,
  };
}
