import { z } from "zod";
import type { Clock } from "../src/clock.ts";
import { dayOf, listRuleUsage } from "../src/ledger/budgets.ts";
import { FLOOD_HELD } from "../src/ledger/flood.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { countEndedRuns, countHeldRuns, countOpenRuns } from "../src/ledger/overview-queries.ts";
import { listPullStates, type PullState } from "../src/ledger/pull-states.ts";
import { listRuleStates } from "../src/ledger/rule-state-queries.ts";
import type { LiveRules } from "../src/rules/live-rules.ts";
import { EVERY_WORKSPACE, meansWorkspace } from "../src/rules/same-id.ts";
import { Ended, Open } from "./overview-schemas.ts";
import { sumEnded, sumOpen } from "./sum-runs.ts";
import type { Told } from "./told.ts";

export const RuleStory = z
  .object({
    name: z.string(),
    state: z.enum(["active", "paused"]),
    reason: z.string().nullable().describe("Why it is paused"),
    nextAction: z.string().nullable(),
    changedBy: z.string().nullable().describe("Who paused or resumed it last; null: nobody ever did"),
    sinceMs: z.int().nullable().describe("When they did"),
    shadow: z.boolean().describe("Runs its workflow and delivers nowhere"),
    workspace: z.string(),
    workspaceFault: z
      .object({ sinceMs: z.int(), message: z.string(), nextAction: z.string().nullable() })
      .nullable()
      .describe(
        "Why catch-up cannot read its workspace, as where none is called so; null: it can, or the rule takes any",
      ),
    keyVariable: z.string().describe("The variable that holds the key of its Dify app"),
    open: Open,
    lastDay: Ended.describe("How its runs of the last 24 hours ended"),
    floodHeld: z.int().describe("Runs that are held because there were so many, until an operator releases them"),
    runsToday: z.int().describe("Workflow runs that were asked for today (UTC)"),
    tokensToday: z.int().describe("Of the workflow runs that ended today (UTC)"),
    runsPerDay: z.int().nullable().describe("null: as much as Dify takes"),
    tokensPerDay: z.int().nullable().describe("null: as much as Dify takes"),
  })
  .meta({ id: "RuleStory" });
/** One rule in force, and how it fares. */
export type RuleStory = Told<typeof RuleStory>;

export const RuleList = z
  .object({
    rules: z.array(RuleStory),
    refused: z
      .object({ sinceMs: z.int(), message: z.string() })
      .nullable()
      .describe("Why the file as it stands is not in force; null: it is"),
  })
  .meta({ id: "RuleList" });
export type RuleList = Told<typeof RuleList>;

export type ReadRules = () => Promise<RuleList>;

const DAY_MS = 86_400_000;

/** Tells the rules in force in the order of the file. */
export const createReadRules =
  ({
    db,
    clock,
    rules,
  }: {
    readonly db: Db;
    readonly clock: Clock;
    readonly rules: Pick<LiveRules, "now" | "refused">;
  }): ReadRules =>
  async () => {
    const nowMs = clock.now();
    const [states, usage, open, ended, held, pulls] = await Promise.all([
      listRuleStates(db),
      listRuleUsage(db, dayOf(nowMs)),
      countOpenRuns(db),
      countEndedRuns(db, nowMs - DAY_MS, nowMs),
      countHeldRuns(db),
      listPullStates(db),
    ]);
    const refused = rules.refused();
    return {
      rules: rules.now().rules.map(({ rule: { name, when, run, limit, shadow } }) => {
        const state = states.get(name);
        const today = usage.find(({ ruleName }) => ruleName === name);
        return {
          name,
          state: state?.state ?? "active",
          reason: state?.reason ?? null,
          nextAction: state?.nextAction ?? null,
          changedBy: state?.changedBy ?? null,
          sinceMs: state?.sinceMs ?? null,
          shadow: shadow === true,
          workspace: when.workspace,
          workspaceFault: workspaceFault(pulls, when.workspace),
          keyVariable: run.keyVariable,
          open: sumOpen(open.filter(({ ruleName }) => ruleName === name)),
          lastDay: sumEnded(ended.filter(({ ruleName }) => ruleName === name)).lastDay,
          floodHeld: held.find(({ ruleName, code }) => ruleName === name && code === FLOOD_HELD)?.count ?? 0,
          runsToday: today?.runs ?? 0,
          tokensToday: today?.tokens ?? 0,
          runsPerDay: limit?.runsPerDay ?? null,
          tokensPerDay: limit?.tokensPerDay ?? null,
        };
      }),
      refused: refused ? { sinceMs: refused.sinceMs, message: refused.message } : null,
    };
  };

function workspaceFault(pulls: readonly PullState[], wanted: string): RuleStory["workspaceFault"] {
  if (wanted === EVERY_WORKSPACE) return null;
  const failing = pulls.find(
    ({ failingSinceMs, workspaceId, workspaceName }) =>
      failingSinceMs !== null && meansWorkspace(wanted, workspaceId, [workspaceName]),
  );
  if (failing === undefined || failing.failingSinceMs === null) return null;
  const { failingSinceMs: sinceMs, errorMessage, nextAction } = failing;
  return { sinceMs, message: errorMessage ?? "it cannot be read", nextAction };
}
