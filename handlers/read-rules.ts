import type { Clock } from "../src/clock.ts";
import { dayOf, listRuleUsage } from "../src/ledger/budgets.ts";
import { FLOOD_HELD } from "../src/ledger/flood.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { countEndedRuns, countHeldRuns, countOpenRuns } from "../src/ledger/overview-queries.ts";
import { listRuleStates } from "../src/ledger/rule-state-queries.ts";
import type { LiveRules } from "../src/rules/live-rules.ts";
import { type Ended, type Open, sumEnded, sumOpen } from "./sum-runs.ts";

/** One rule in force, and how it fares. */
export type RuleStory = {
  readonly name: string;
  readonly state: "active" | "paused";
  /** Why it is paused. */
  readonly reason: string | null;
  readonly nextAction: string | null;
  /** Who paused or resumed it last, and when; null: nobody ever did. */
  readonly changedBy: string | null;
  readonly sinceMs: number | null;
  /** Runs its workflow and delivers nowhere. */
  readonly shadow: boolean;
  readonly workspace: string;
  /** The variable that holds the key of its Dify app. */
  readonly keyVariable: string;
  readonly open: Open;
  /** How its runs of the last 24 hours ended. */
  readonly lastDay: Ended;
  /** Runs that are held because there were so many, until an operator releases them. */
  readonly floodHeld: number;
  /** Workflow runs that were asked for today (UTC), and the tokens of those that ended. */
  readonly runsToday: number;
  readonly tokensToday: number;
  /** null: as much as Dify takes. */
  readonly runsPerDay: number | null;
  readonly tokensPerDay: number | null;
};

export type RuleList = {
  readonly rules: readonly RuleStory[];
  /** Why the file as it stands is not in force; null: it is. */
  readonly refused: { readonly sinceMs: number; readonly message: string } | null;
};

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
    const [states, usage, open, ended, held] = await Promise.all([
      listRuleStates(db),
      listRuleUsage(db, dayOf(nowMs)),
      countOpenRuns(db),
      countEndedRuns(db, nowMs - DAY_MS, nowMs),
      countHeldRuns(db),
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
