import { createReadRules, type RuleList, type RuleStory } from "../../handlers/read-rules.ts";
import { systemClock } from "../clock.ts";
import { parseConfig } from "../config.ts";
import { usedOf } from "../dashboard/rules-page.ts";
import { fixedRules } from "../rules/live-rules.ts";
import { timeOf } from "../text/figures.ts";
import { plain } from "../text/unseen.ts";
import { inLedgerOrRelay, readRelay } from "./ask-relay.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { loadCompiledRules } from "./load-settings.ts";
import { formatTable } from "./print-table.ts";

/**
 * The rules with their state and what they used today. Where a running relay holds the ledger, it is asked, and tells
 * what is in force there. 1 when the file is wrong and other rules are in force.
 */
export async function listRules(context: CliContext, { json }: { readonly json: boolean }): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const list = await inLedgerOrRelay<RuleList | undefined>(
    config,
    async (db) =>
      createReadRules({ db, clock: systemClock, rules: fixedRules(await loadCompiledRules(config.rulesFile)) })(),
    () => readRelay<RuleList>(context, config, "/api/rules"),
  );
  if (!list) return 1;
  if (json) context.print(JSON.stringify(list));
  else print(context, list);
  return list.refused === null ? 0 : 1;
}

function print(context: CliContext, { rules, refused }: RuleList): void {
  context.print(
    formatTable(
      context,
      ["RULE", "STATE", "RUNS TODAY", "TOKENS TODAY", "REASON"],
      rules.map((rule) => [
        rule.name,
        rule.shadow ? `${rule.state}, shadow` : rule.state,
        usedOf(rule.runsToday, rule.runsPerDay),
        usedOf(rule.tokensToday, rule.tokensPerDay),
        plain(whyNot(rule)),
      ]),
    ),
  );
  if (refused === null) return;
  context.warn(`The rules file is wrong since ${timeOf(refused.sinceMs)}; the rules from before are in force:`);
  for (const line of refused.message.split("\n")) context.warn(plain(line));
}

/** What keeps a rule from its files: who paused it, and what is wrong with its workspace. */
function whyNot({ state, reason, nextAction, workspace, workspaceFault: fault }: RuleStory): string {
  const pause = state === "paused" ? [reason, nextAction] : [];
  const trouble = fault === null ? [] : [`workspace ${workspace}: ${fault.message}`, fault.nextAction];
  return [pause, trouble].flatMap((said) => said.filter(Boolean).join(" → ") || []).join("; ");
}
