import { z } from "zod";
import type { Clock } from "../src/clock.ts";
import { ACCESS_KINDS, isAccess } from "../src/ledger/access-kinds.ts";
import { countAccesses, listLatestAccesses } from "../src/ledger/accesses.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { AccessRow, RunRow } from "../src/ledger/schema.ts";
import { findSharedRun, type LinkState, linkStateOf, listSharedRuns } from "../src/ledger/shared-links.ts";
import type { RuleDeliver } from "../src/rules/rule.ts";
import { PAGE_QUERY } from "./page-query.ts";

/** Accesses told with a share or a run; the export has them all. */
const MAX_ACCESSES = 100;

/** Unusable values are left out rather than refused: people edit addresses by hand. */
const Query = z.object({
  rule: z.string().max(63).optional().catch(undefined),
  state: z.enum(["open", "ended", "all"]).default("open").catch("open"),
  ...PAGE_QUERY,
});

/** A link that was given to people. Times are milliseconds since the epoch. */
export type ShareSummary = {
  readonly share: string;
  readonly run: string;
  readonly rule: string;
  readonly file: string;
  readonly url: string | null;
  readonly deliveredAs: RuleDeliver["as"];
  readonly state: LinkState;
  readonly madeAtMs: number | null;
  /** When the link ends, or ended, by itself; null: it does not. */
  readonly endsAtMs: number | null;
  readonly endsBy: "fastio" | "relay" | null;
  /** When the relay closed it; null: it did not. */
  readonly closedAtMs: number | null;
  /** When somebody asked to close it, who, and why. */
  readonly closeAskedAtMs: number | null;
  readonly closeAskedBy: string | null;
  readonly closeReason: string | null;
  /** Why it could not be closed yet. */
  readonly closeError: string | null;
};

/** Who did what with what a run delivered. */
export type ToldAccess = {
  readonly atMs: number;
  readonly kind: string;
  /** The kind in words. */
  readonly did: string;
  /** An address, else a user id; `anonymous` for nobody signed in, `not told` while only a webhook without an actor told of it. */
  readonly who: string;
  /** The file, folder or person, by name where it is known. */
  readonly what: string | null;
  readonly share: string | null;
};

/** What became of a run's link, and who used it. */
export type AccessList = { readonly count: number; readonly latest: readonly ToldAccess[] };

export type ShareStory = ShareSummary & { readonly invited: readonly string[]; readonly accesses: AccessList };

export type ReadShares = {
  list(query: Readonly<Record<string, string>>): Promise<{
    readonly shares: readonly ShareSummary[];
    /** What to ask for as `before` to get the next page; null on the last one. */
    readonly next: string | null;
  }>;
  /** By the id of the share or of its run. @returns undefined when there is none, or it has no link */
  story(shareOrRun: string): Promise<ShareStory | undefined>;
};

export function createReadShares({ db, clock }: { readonly db: Db; readonly clock: Clock }): ReadShares {
  return {
    list: async (raw) => {
      const { rule, state, before, limit } = Query.parse(raw);
      const filter = { ruleName: rule, state: state === "all" ? undefined : state, after: before };
      const runs = await listSharedRuns(db, filter, clock.now(), limit);
      const last = runs.length === limit ? runs.at(-1) : undefined;
      return {
        shares: runs.map((run) => summariseShare(run, clock.now())),
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

export function summariseShare(run: RunRow, nowMs: number): ShareSummary {
  return {
    share: run.shareId ?? "",
    run: run.id,
    rule: run.ruleName,
    file: run.fileName,
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
