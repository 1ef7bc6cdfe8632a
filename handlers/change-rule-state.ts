import type { Clock } from "../src/clock.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { recordOperatorAction } from "../src/ledger/operator-actions.ts";
import { releaseFlood, releaseHeldRuns } from "../src/ledger/release-runs.ts";
import { isKnownRule, lockRuleState, type RuleState, setRuleState } from "../src/ledger/rule-state-queries.ts";
import type { Actor, Why } from "./cancel-run.ts";
import { lineOf } from "./line-of.ts";

export type ChangeRuleOutcome =
  | { readonly kind: "changed"; readonly rule: string; readonly state: "active" | "paused"; readonly released: number }
  | { readonly kind: "unknown_rule"; readonly known: readonly string[] };

/** What an operator may do with a rule. */
export const RULE_ACTIONS = ["pause", "resume", "release"] as const;
export type RuleAction = (typeof RULE_ACTIONS)[number];

/** @param why the reason stands on the rule while it is paused */
export type ChangeRuleState = (name: string, action: RuleAction, why: Why) => Promise<ChangeRuleOutcome>;

/**
 * Pauses or resumes a rule by hand; resuming lets the runs go on that were held meanwhile. Releasing leaves the rule as
 * it is, and lets those runs go on that were held because there were so many. Safe to repeat: what is so already changes
 * nothing and is not written down again, unless a pause comes with another reason.
 */
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
  async (name, action, why) => {
    // A rule that has left the file may still hold runs.
    const known = ruleNames();
    if (!known.includes(name) && !(await isKnownRule(db, name))) return { kind: "unknown_rule", known };
    const nowMs = clock.now();
    const { actor } = why;
    const reason = lineOf(why.reason);
    return db.transaction(async (tx) => {
      const before = await lockRuleState(tx, name, nowMs);
      const after = stateAfter(before, action, { actor, reason }, nowMs);
      if (after !== before) await setRuleState(tx, after);
      const released = await release(tx, name, action, nowMs);
      if (after !== before || released > 0) {
        const detail = action === "pause" ? { reason } : { reason, released };
        await recordOperatorAction(tx, { atMs: nowMs, actor, action: `rule.${action}`, target: name, detail });
      }
      return { kind: "changed", rule: name, state: after.state, released };
    });
  };

/** @returns what it was when nothing changes */
function stateAfter(
  before: RuleState,
  action: RuleAction,
  { actor, reason }: { readonly actor: Actor; readonly reason: string | null },
  sinceMs: number,
): RuleState {
  const { ruleName, state } = before;
  switch (action) {
    case "pause": {
      if (state === "paused" && (reason === null || reason === before.reason)) return before;
      const nextAction = "resume the rule when it may go on";
      return {
        ruleName,
        state: "paused",
        reason: reason ?? "paused by an operator",
        nextAction,
        changedBy: actor,
        sinceMs,
      };
    }
    case "resume":
      if (state === "active") return before;
      return { ruleName, state: "active", reason: null, nextAction: null, changedBy: actor, sinceMs };
    case "release":
      return before;
    default:
      return action satisfies never;
  }
}

/** @returns how many runs go on */
function release(db: Db, name: string, action: RuleAction, nowMs: number): Promise<number> | number {
  switch (action) {
    case "pause":
      return 0;
    case "resume":
      return releaseHeldRuns(db, nowMs, name);
    case "release":
      return releaseFlood(db, name, nowMs);
    default:
      return action satisfies never;
  }
}
