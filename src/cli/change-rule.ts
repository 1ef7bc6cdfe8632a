import { changeRuleState, type RuleAction } from "../../handlers/change-rule-state.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { openLedger } from "../ledger/open-ledger.ts";
import { loadRules } from "../rules/load-rules.ts";
import { silentLog } from "../telemetry/log.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { whoAmI } from "./who-am-i.ts";

/**
 * Pauses or resumes a rule in the ledger, or releases its held runs; a running relay on PostgreSQL sees it with the next run.
 * An embedded ledger has one user at a time: there, use the running relay's API.
 */
export async function changeRule(
  context: CliContext,
  name: string,
  action: RuleAction,
  options: { readonly json: boolean },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const { rules } = await loadRules(config.rulesFile);
  const ledger = await openLedger(config.ledger.url, silentLog);
  try {
    const change = changeRuleState({
      db: ledger.db,
      clock: systemClock,
      ruleNames: () => rules.map(({ name: known }) => known),
    });
    const outcome = await change(name, action, whoAmI());
    if (outcome.kind === "unknown_rule") {
      context.warn(
        `${config.rulesFile} has no rule of this name; it has ${rules.map(({ name: known }) => known).join(", ")}`,
      );
      return 1;
    }
    context.print(
      options.json
        ? JSON.stringify({ rule: outcome.rule, state: outcome.state, released: outcome.released })
        : `${outcome.rule} is ${outcome.state}${outcome.released > 0 ? `; ${outcome.released} held runs go on` : ""}`,
    );
    return 0;
  } finally {
    await ledger.close();
  }
}
