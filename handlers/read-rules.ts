import type { Clock } from "../src/clock.ts";
import { dayOf, listRuleUsage } from "../src/ledger/budgets.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { countFloodHeld, type RuleFigures, readRuleFigures } from "../src/ledger/rule-figures.ts";
import { listRuleStates } from "../src/ledger/rule-state-queries.ts";
import type { LiveRules } from "../src/rules/live-rules.ts";

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
  /** Of its runs that were made within 24 hours. */
  readonly lastDay: RuleFigures;
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
const NO_RUNS: RuleFigures = { made: 0, delivered: 0, failed: 0, unfinished: 0 };

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
    const [states, usage, figures, held] = await Promise.all([
      listRuleStates(db),
      listRuleUsage(db, dayOf(nowMs)),
      readRuleFigures(db, nowMs - DAY_MS),
      countFloodHeld(db),
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
          lastDay: figures.get(name) ?? NO_RUNS,
          floodHeld: held.get(name) ?? 0,
          runsToday: today?.runs ?? 0,
          tokensToday: today?.tokens ?? 0,
          runsPerDay: limit?.runsPerDay ?? null,
          tokensPerDay: limit?.tokensPerDay ?? null,
        };
      }),
      refused: refused ? { sinceMs: refused.sinceMs, message: refused.message } : null,
    };
  };
