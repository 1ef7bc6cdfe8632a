import { changeRuleState, type RuleAction } from "../../handlers/change-rule-state.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { loadRules } from "../rules/load-rules.ts";
import { counted } from "../text/figures.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { doDeed } from "./do-deed.ts";
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
  const through = { path: `/api/rules/${encodeURIComponent(name)}/${action}`, body: { reason } };
  const changed = await doDeed<Changed>(context, config, through, async (db) => {
    const names = (await loadRules(config.rulesFile)).rules.map((rule) => rule.name);
    const change = changeRuleState({ db, clock: systemClock, ruleNames: () => names });
    const outcome = await change(name, action, { actor: whoAmI(), reason });
    if (outcome.kind === "changed") return { kind: "done", done: outcome };
    return { kind: "refused", why: `${config.rulesFile} has no rule of this name; it has ${outcome.known.join(", ")}` };
  });
  if (!changed) return 1;
  const { rule, state, released } = changed;
  const held = released === 0 ? "no run was held" : `${counted(released, "held run")} may go on`;
  context.print(
    json
      ? JSON.stringify({ rule, state, released })
      : `${rule} is ${state}${released > 0 || action === "release" ? `; ${held}` : ""}`,
  );
  return 0;
}
