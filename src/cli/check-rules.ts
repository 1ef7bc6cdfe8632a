import { parseConfig } from "../config.ts";
import { loadRules } from "../rules/load-rules.ts";
import type { CliContext, ExitCode } from "./context.ts";

/** Reads the rules file and says what each rule does, or every fault with its place. */
export async function checkRules(
  context: CliContext,
  options: { readonly json: boolean; readonly file?: string },
): Promise<ExitCode> {
  const file = options.file ?? parseConfig(context.environment).rulesFile;
  const rules = (await loadRules(file)).rules;
  if (options.json) {
    context.print(JSON.stringify({ file, rules: rules.map(({ name }) => name) }));
    return 0;
  }
  context.print(`${file}: ${rules.length} rule${rules.length === 1 ? "" : "s"}, no faults`);
  for (const rule of rules) {
    context.print(
      `  ${rule.name}: ${rule.when.events.join(", ")} in workspace ${rule.when.workspace}, key from ${rule.run.keyVariable}`,
    );
  }
  return 0;
}
