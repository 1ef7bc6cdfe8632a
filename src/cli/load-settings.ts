import { type Config, parseConfig } from "../config.ts";
import { PermanentError } from "../errors.ts";
import { checkSecrets } from "../fastio/signatures/derive-keys.ts";
import { type CompiledRule, compileRules } from "../rules/compile-rules.ts";
import { loadRules } from "../rules/load-rules.ts";
import type { Rule } from "../rules/rule.ts";
import type { CliContext } from "./context.ts";

/** The rules in force. @throws {PermanentError} `rules_invalid` with every fault and its place */
export const loadCompiledRules = async (file: string): Promise<readonly CompiledRule[]> =>
  compileRules((await loadRules(file)).rules);

/**
 * Everything that must be right before the relay starts.
 * @throws {PermanentError} `config_invalid` or `rules_invalid`
 */
export async function loadSettings(
  { environment }: CliContext,
  needs: { readonly receive: boolean; readonly work: boolean },
): Promise<{
  readonly config: Config;
  readonly rules: readonly CompiledRule[];
  readonly floodHold: number;
}> {
  const config = parseConfig(environment);
  checkSecrets(config.fastio.secrets);
  const { rules: written, floodHold } = await loadRules(config.rulesFile);
  const rules = compileRules(written);
  const faults = [
    ...(needs.work && !config.fastio.apiKey ? ["  FASTIO_API_KEY: is needed to read files and make shares"] : []),
    ...(needs.work ? rules.flatMap(({ rule }) => unsetVariables(rule, config)) : []),
  ];
  if (faults.length > 0) {
    throw new PermanentError("config_invalid", `The environment does not fit:\n${[...new Set(faults)].join("\n")}`, {
      failure: "misconfigured",
    });
  }
  return { config, rules, floodHold };
}

/** Variables that a rule names and nobody set; never a value. */
export function unsetVariables({ name, run, deliver }: Rule, { dify, fastio }: Config): readonly string[] {
  const { passwordVariable } = deliver;
  return [
    ...(dify.keyOf(run.keyVariable) === undefined ? [run.keyVariable] : []),
    ...(passwordVariable !== undefined && fastio.passwordOf(passwordVariable) === undefined ? [passwordVariable] : []),
  ].map((variable) => `  ${variable}: is named by the rule ${name} and not set`);
}
