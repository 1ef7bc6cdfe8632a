import { changeRuleState, type RuleAction } from "../../handlers/change-rule-state.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { loadRules } from "../rules/load-rules.ts";
import { askRelay, inLedgerOrRelay, refusalOf } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { plain } from "./print-table.ts";
import { whoAmI } from "./who-am-i.ts";

type Changed = { readonly rule: string; readonly state: string; readonly released: number };

/** Pauses or resumes a rule, or releases its held runs: in the ledger, or through the relay that holds it. */
export async function changeRule(
  context: CliContext,
  name: string,
  action: RuleAction,
  { reason, json }: { readonly reason?: string; readonly json: boolean },
): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const changed = await inLedgerOrRelay<Changed | undefined>(
    config,
    async (db) => {
      const names = (await loadRules(config.rulesFile)).rules.map(({ name: known }) => known);
      const change = changeRuleState({ db, clock: systemClock, ruleNames: () => names });
      const outcome = await change(name, action, { actor: whoAmI(), reason });
      if (outcome.kind === "changed") return outcome;
      context.warn(`${config.rulesFile} has no rule of this name; it has ${names.join(", ")}`);
      return undefined;
    },
    async () => {
      const path = `/api/rules/${encodeURIComponent(name)}/${action}`;
      const answer = await askRelay(context, config, { path, body: { reason } });
      if (answer?.status === 200) return answer.told as Changed; // our own API
      if (answer) context.warn(plain(refusalOf(answer)));
      return undefined;
    },
  );
  if (!changed) return 1;
  const { rule, state, released } = changed;
  context.print(
    json
      ? JSON.stringify({ rule, state, released })
      : `${rule} is ${state}${released > 0 ? `; ${released} held runs go on` : ""}`,
  );
  return 0;
}
