import { type AlertThresholds, DEFAULT_ALERTS } from "./alerts-schema.ts";
import type { CompiledRule } from "./compile-rules.ts";
import type { ToolGrants } from "./read-tools.ts";
import { DEFAULT_FLOOD_HOLD, type Rule } from "./rule.ts";

/** What a rules file says, ready to be asked. */
export type RulesInForce = {
  readonly rules: readonly CompiledRule[];
  /** Unfinished runs of one rule above which further ones are held. */
  readonly floodHold: number;
  /** What the tokens of agents may do. */
  readonly tools: ToolGrants;
  /** When something counts as wrong. */
  readonly alerts: AlertThresholds;
};

/** Why the file as it stands now is not in force. */
export type RefusedRules = {
  readonly sinceMs: number;
  /** Every fault, on a line each. */
  readonly message: string;
  readonly nextAction: string | undefined;
};

/** The rules in force, which may be others the next time one asks: nobody keeps them. */
export type LiveRules = {
  readonly now: () => RulesInForce;
  /** undefined: what stands in the file is in force. */
  readonly refused: () => RefusedRules | undefined;
  /** @returns ends the listening */
  readonly onChange: (listener: (before: RulesInForce) => void) => () => void;
};

/** Finds a rule by its name among those in force when it is asked. */
export const ruleNowOf =
  (rules: Pick<LiveRules, "now">) =>
  (name: string): Rule | undefined =>
    rules.now().rules.find(({ rule }) => rule.name === name)?.rule;

/** Rules that stay as they are, as those of the demo. */
export const fixedRules = (
  rules: readonly CompiledRule[],
  floodHold = DEFAULT_FLOOD_HOLD,
  tools: ToolGrants = {},
  alerts: AlertThresholds = DEFAULT_ALERTS,
): LiveRules => ({
  now: () => ({ rules, floodHold, tools, alerts }),
  refused: () => undefined,
  onChange: () => () => undefined,
});
