import { readFileSync } from "node:fs";
import { type Config, parseConfig } from "../config.ts";
import { PermanentError } from "../errors.ts";
import { checkSecrets } from "../fastio/signatures/derive-keys.ts";
import { type CompiledRule, compileRules } from "../rules/compile-rules.ts";
import { parseRules } from "../rules/load-rules.ts";
import type { CliContext } from "./context.ts";

/** @throws {PermanentError} `rules_invalid` with every fault and its place, also when the file cannot be read */
export function loadRules(file: string): readonly CompiledRule[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new PermanentError(
      "rules_invalid",
      `cannot read the rules file ${file}: ${error instanceof Error ? error.message : "unknown"}`,
      {
        failure: "misconfigured",
        nextAction: "copy relay.config.example.yaml to relay.config.yaml, or name your file in RELAY_CONFIG",
      },
    );
  }
  return compileRules(parseRules(text, file).rules);
}

/**
 * Everything that must be right before the relay starts.
 * @throws {PermanentError} `config_invalid` or `rules_invalid`
 */
export function loadSettings(
  { environment }: CliContext,
  needs: { readonly receive: boolean; readonly work: boolean },
): {
  readonly config: Config;
  readonly rules: readonly CompiledRule[];
} {
  const config = parseConfig(environment);
  checkSecrets(config.fastio.secrets);
  const rules = loadRules(config.rulesFile);
  const faults = [
    ...(needs.work && !config.fastio.apiKey ? ["  FASTIO_API_KEY: is needed to read files and make shares"] : []),
    ...(needs.work
      ? rules
          .filter(({ rule }) => config.dify.keyOf(rule.run.keyVariable) === undefined)
          .map(({ rule }) => `  ${rule.run.keyVariable}: is named by the rule ${rule.name} and not set`)
      : []),
  ];
  if (faults.length > 0) {
    throw new PermanentError("config_invalid", `The environment does not fit:\n${[...new Set(faults)].join("\n")}`, {
      failure: "misconfigured",
    });
  }
  return { config, rules };
}
