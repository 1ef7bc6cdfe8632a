import type { Clock } from "../src/clock.ts";
import { releaseFlood } from "../src/ledger/flood.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { releaseHeldRuns } from "../src/ledger/release-runs.ts";
import {
  findRuleState,
  isKnownRule,
  type RuleState,
  recordOperatorAction,
  setRuleState,
} from "../src/ledger/rule-state-queries.ts";
import type { Actor } from "./cancel-run.ts";

export type ChangeRuleOutcome =
  | { readonly kind: "changed"; readonly rule: string; readonly state: "active" | "paused"; readonly released: number }
  | { readonly kind: "unknown_rule" };

/** What an operator may do with a rule. */
export const RULE_ACTIONS = ["pause", "resume", "release"] as const;
export type RuleAction = (typeof RULE_ACTIONS)[number];

export type ChangeRuleState = (name: string, action: RuleAction, actor: Actor) => Promise<ChangeRuleOutcome>;

/**
 * Pauses or resumes a rule by hand; resuming lets the runs go on that were held meanwhile. Releasing leaves the rule as
 * it is, and lets those runs go on that were held because there were so many. Safe to repeat.
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
  async (name, action, actor) => {
    // A rule that has left the file may still hold runs.
    if (!ruleNames().includes(name) && !(await isKnownRule(db, name))) return { kind: "unknown_rule" };
    const nowMs = clock.now();
    return db.transaction(async (tx) => {
      if (action !== "release") await setRuleState(tx, stateAfter(name, action, actor, nowMs));
      const released = await release(tx, name, action, nowMs);
      const state = (await findRuleState(tx, name))?.state ?? "active";
      const detail = { released };
      await recordOperatorAction(tx, { atMs: nowMs, actor, action: `rule.${action}`, target: name, detail });
      return { kind: "changed", rule: name, state, released };
    });
  };

const stateAfter = (
  ruleName: string,
  action: Exclude<RuleAction, "release">,
  changedBy: Actor,
  sinceMs: number,
): RuleState => ({
  ruleName,
  state: action === "pause" ? "paused" : "active",
  reason: action === "pause" ? "paused by an operator" : null,
  nextAction: action === "pause" ? "resume the rule when it may go on" : null,
  changedBy,
  sinceMs,
});

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
