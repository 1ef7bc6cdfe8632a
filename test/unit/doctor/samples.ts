import { PermanentError } from "../../../src/errors.ts";
import { type CompiledRule, compileRules } from "../../../src/rules/compile-rules.ts";
import { parseRules } from "../../../src/rules/load-rules.ts";

export const createMissingKeyError = (): PermanentError =>
  new PermanentError("unauthorized", "Access token is invalid", { nextAction: "Check the app's API key." });

/** A rule as a user would write it; members of `when` and `run` as YAML flow. */
export function ruleOf({ when = "", run = "" }: { readonly when?: string; readonly run?: string } = {}): CompiledRule {
  const text = `rules:\n  - name: sample\n    when: { workspace: Legal${when} }\n    run: { ${run} }\n`;
  const [compiled] = compileRules(parseRules(text, "rules.yaml").rules);
  if (!compiled) throw new Error("no rule");
  return compiled;
}
