import { changeRuleState, type RuleAction } from "../../handlers/change-rule-state.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { loadRules } from "../rules/load-rules.ts";
import { askRelay, inLedgerOrRelay, refusalOf } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { plain } from "./print-table.ts";
import { whoAmI } from "./who-am-i.ts";

type Changed = { readonly rule: string; readonly state: string; readonly released: number };

/** Pauses or resumes a rule, or releases its held runs; a running relay sees it with the next run. */
export async function changeRule(
  context: CliContext,
  name: string,
  action: RuleAction,
  options: { readonly json: boolean },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const changed = await inLedgerOrRelay<Changed | undefined>(
    config,
    async (db) => {
      const known = (await loadRules(config.rulesFile)).rules.map((rule) => rule.name);
      const outcome = await changeRuleState({ db, clock: systemClock, ruleNames: () => known })(name, action, whoAmI());
      if (outcome.kind === "changed") return outcome;
      context.warn(`${config.rulesFile} has no rule of this name; it has ${known.join(", ")}`);
      return undefined;
    },
    async () => {
      const answer = await askRelay(context, config, {
        path: `/api/rules/${encodeURIComponent(name)}/${action}`,
        body: {},
      });
      if (answer && answer.status < 300) return answer.told as Changed; // our own answers
      if (answer) context.warn(plain(refusalOf(answer)));
      return undefined;
    },
  );
  if (!changed) return 1;
  const { rule, state, released } = changed;
  context.print(
    options.json
      ? JSON.stringify({ rule, state, released })
      : `${rule} is ${state}${released > 0 ? `; ${released} held runs go on` : ""}`,
  );
  return 0;
}
