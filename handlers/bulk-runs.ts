import type { Clock } from "../src/clock.ts";
import { beginBulk, MOST_BULK_RUNS } from "../src/ledger/bulk-actions.ts";
import {
  countTargets,
  sampleTargets,
  type TargetGroup,
  type UsualRun,
  usualRunOf,
} from "../src/ledger/bulk-estimate.ts";
import { statusesFor } from "../src/ledger/bulk-targets.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { listAppsNow } from "../src/ledger/overview-queries.ts";
import type { BulkDeed } from "../src/ledger/schema.ts";
import { moreFilesOf } from "../src/text/files-words.ts";
import type { BulkBody, BulkPlan } from "./bulk-schemas.ts";
import type { Actor } from "./cancel-run.ts";
import { lineOf } from "./line-of.ts";
import { type QueryProblem, type RawQuery, type RunSearch, readRunSearch } from "./run-search-query.ts";
import { sumOf } from "./sum-runs.ts";

/** Runs that a plan names. */
const NAMED = 10;

/** What of the filter cannot be used: the rest of it would mean other runs. */
type WrongFilter = { readonly kind: "wrong_filter"; readonly problems: readonly QueryProblem[] };

export type PlanOutcome = { readonly kind: "planned"; readonly plan: BulkPlan } | WrongFilter;

export type NotBegun =
  | { readonly kind: "no_runs" }
  | { readonly kind: "too_many"; readonly most: number }
  /** Others match by now than who asks has seen. */
  | { readonly kind: "changed"; readonly count: number };

export type BeginOutcome =
  | { readonly kind: "begun"; readonly id: string; readonly total: number }
  | NotBegun
  | WrongFilter;

export type BulkRuns = {
  /** Tells what would be done, and does nothing. */
  plan(wish: Pick<BulkBody, "action" | "rate">, filter: RawQuery): Promise<PlanOutcome>;
  begin(wish: Omit<BulkBody, "filter" | "dryRun">, filter: RawQuery, actor: Actor): Promise<BeginOutcome>;
};

export type BulkRunsDeps = { readonly db: Db; readonly clock: Clock; readonly newId: () => string };

export function createBulkRuns({ db, clock, newId }: BulkRunsDeps): BulkRuns {
  const read = (filter: RawQuery): RunSearch | WrongFilter => {
    const search = readRunSearch(filter, clock.now());
    return search.problems.length === 0 ? search : { kind: "wrong_filter", problems: search.problems };
  };
  return {
    plan: async ({ action, rate }, raw) => {
      const search = read(raw);
      if ("kind" in search) return search;
      const targets = { deed: action, filter: search.filter };
      const statuses = statusesFor(action, search.filter);
      const [groups, sample, apps] = await Promise.all([
        statuses.length === 0 ? [] : countTargets(db, targets),
        statuses.length === 0 ? [] : sampleTargets(db, targets, NAMED),
        listAppsNow(db, clock.now()),
      ]);
      const slotsOf = new Map(apps.map(({ app, slots }) => [app, slots]));
      const usual = await usualRuns(db, action, groups);
      const matches = sumOf(groups, ({ count }) => count);
      return {
        kind: "planned",
        plan: {
          action,
          filter: search.asked,
          fixed: fixTimes(search),
          statuses,
          matches,
          most: MOST_BULK_RUNS,
          groups: groups.map(({ ruleName, status, count }) => ({ rule: ruleName, status, count })),
          ...estimate(action, groups, usual),
          estimatedMs: longest(Math.round((matches * 60_000) / rate), action, groups, usual, slotsOf),
          sample: sample.map((run) => {
            return { id: run.id, file: run.fileName, moreFiles: moreFilesOf(run), rule: run.ruleName };
          }),
        },
      };
    },
    begin: async (wish, raw, actor) => {
      const search = read(raw);
      if ("kind" in search) return search;
      const outcome = await beginBulk(
        db,
        {
          id: wish.key ?? newId(),
          deed: wish.action,
          filter: search.filter,
          asked: fixTimes(search),
          version: wish.version,
          askedBy: actor,
          reason: lineOf(wish.reason),
          perMinute: wish.rate,
          expect: wish.expect,
        },
        clock.now(),
      );
      return outcome.kind === "begun" ? { kind: "begun", id: outcome.bulk.id, total: outcome.bulk.total } : outcome;
    },
  };
}

function fixTimes({ asked, filter: { sinceMs, untilMs } }: RunSearch): Readonly<Record<string, string>> {
  return {
    ...asked,
    ...(sinceMs === undefined ? {} : { since: new Date(sinceMs).toISOString() }),
    ...(untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() }),
  };
}

/** Cancelling starts nothing; a run whose outputs are there is only delivered. */
const workflowsOf = (action: BulkDeed, { count, deliverable }: TargetGroup): number =>
  action === "cancel" ? 0 : count - deliverable;

async function usualRuns(
  db: Db,
  action: BulkDeed,
  groups: readonly TargetGroup[],
): Promise<ReadonlyMap<string, UsualRun>> {
  const rules = new Set(groups.filter((group) => workflowsOf(action, group) > 0).map(({ ruleName }) => ruleName));
  return new Map(await Promise.all([...rules].map(async (rule) => [rule, await usualRunOf(db, rule)] as const)));
}

function estimate(
  action: BulkDeed,
  groups: readonly TargetGroup[],
  usual: ReadonlyMap<string, UsualRun>,
): Pick<BulkPlan, "workflows" | "estimatedTokens" | "unknownRules"> {
  const unknownRules = [...usual].filter(([, { tokens }]) => tokens === null).map(([rule]) => rule);
  const told = groups.filter(({ ruleName }) => !unknownRules.includes(ruleName));
  const tokens = sumOf(told, (group) => workflowsOf(action, group) * (usual.get(group.ruleName)?.tokens ?? 0));
  const workflows = sumOf(groups, (group) => workflowsOf(action, group));
  const isUnknown = workflows > 0 && unknownRules.length === usual.size;
  return { workflows, estimatedTokens: isUnknown ? null : tokens, unknownRules };
}

/** Apps work beside each other, and beside the rate: all is done when the slowest is. */
function longest(
  atRateMs: number,
  action: BulkDeed,
  groups: readonly TargetGroup[],
  usual: ReadonlyMap<string, UsualRun>,
  slotsOf: ReadonlyMap<string, number>,
): number | null {
  const workMs = new Map<string, number>();
  for (const group of groups) {
    const workflows = workflowsOf(action, group);
    if (workflows === 0) continue;
    const elapsedMs = usual.get(group.ruleName)?.elapsedMs ?? null;
    const slots = slotsOf.get(group.app ?? "");
    if (elapsedMs === null || slots === undefined || slots === 0) return null;
    workMs.set(group.app ?? "", (workMs.get(group.app ?? "") ?? 0) + (workflows * elapsedMs) / slots);
  }
  return Math.max(atRateMs, ...[...workMs.values()].map((ms) => Math.round(ms)));
}
