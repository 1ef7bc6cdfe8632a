import type { Clock } from "../src/clock.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { findRuleState, recordOperatorAction, setRuleState } from "../src/ledger/rule-state-queries.ts";
import { releaseHeldRuns } from "../src/ledger/run-queries.ts";

export type ChangeRuleOutcome =
  | { readonly kind: "changed"; readonly rule: string; readonly state: "active" | "paused"; readonly released: number }
  | { readonly kind: "unknown_rule" };

export type ChangeRuleState = (name: string, action: "pause" | "resume") => Promise<ChangeRuleOutcome>;

/** Pauses or resumes a rule by hand. Resuming lets the runs go on that were held meanwhile. Safe to repeat. */
export const changeRuleState =
  ({
    db,
    clock,
    ruleNames,
  }: {
    readonly db: Db;
    readonly clock: Clock;
    readonly ruleNames: () => readonly string[];
  }): ChangeRuleState =>
  async (name, action) => {
    // A rule that has left the file may still hold runs.
    if (!ruleNames().includes(name) && !(await findRuleState(db, name))) return { kind: "unknown_rule" };
    const state = action === "pause" ? "paused" : "active";
    const nowMs = clock.now();
    await setRuleState(db, {
      ruleName: name,
      state,
      reason: action === "pause" ? "paused by an operator" : null,
      nextAction: action === "pause" ? "resume the rule when it may go on" : null,
      changedBy: "operator",
      sinceMs: nowMs,
    });
    const released = action === "resume" ? await releaseHeldRuns(db, nowMs, name) : 0;
    await recordOperatorAction(db, {
      atMs: nowMs,
      actor: "operator",
      action: `rule.${action}`,
      target: name,
      detail: { released },
    });
    return { kind: "changed", rule: name, state, released };
  };
