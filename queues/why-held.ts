import type { RuleState } from "../src/ledger/rule-state-queries.ts";

/** What a run says of itself while its rule is paused. */
export const whyHeld = ({ reason, nextAction }: RuleState) => ({
  errorMessage: `the rule is paused: ${reason ?? "no reason given"}`,
  nextAction,
});
