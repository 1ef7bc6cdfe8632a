import type { Clock } from "../src/clock.ts";
import { dayOf, listRuleUsage } from "../src/ledger/budgets.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { listRuleStates } from "../src/ledger/rule-state-queries.ts";
import type { LiveRules } from "../src/rules/live-rules.ts";

/** One rule in force, and how it fares. */
export type RuleStory = {
  readonly name: string;
  readonly state: "active" | "paused";
  /** Why it is paused. */
  readonly reason: string | null;
  readonly nextAction: string | null;
  /** Runs its workflow and delivers nowhere. */
  readonly shadow: boolean;
  readonly workspace: string;
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
    const [states, usage] = await Promise.all([listRuleStates(db), listRuleUsage(db, dayOf(clock.now()))]);
    const refused = rules.refused();
    return {
      rules: rules.now().rules.map(({ rule: { name, when, limit, shadow } }) => {
        const state = states.get(name);
        const today = usage.find(({ ruleName }) => ruleName === name);
        return {
          name,
          state: state?.state ?? "active",
          reason: state?.reason ?? null,
          nextAction: state?.nextAction ?? null,
          shadow: shadow === true,
          workspace: when.workspace,
          runsToday: today?.runs ?? 0,
          tokensToday: today?.tokens ?? 0,
          runsPerDay: limit?.runsPerDay ?? null,
          tokensPerDay: limit?.tokensPerDay ?? null,
        };
      }),
      refused: refused ? { sinceMs: refused.sinceMs, message: refused.message } : null,
    };
  };
