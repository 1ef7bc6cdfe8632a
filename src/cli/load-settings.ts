import { ALERT_NOTICE_VARIABLE, type Config, parseConfig } from "../config.ts";
import { PermanentError } from "../errors.ts";
import { checkSecrets } from "../fastio/signatures/derive-keys.ts";
import { whyNoNoticeUrl } from "../http/notice-hosts.ts";
import { type CompiledRule, compileRules } from "../rules/compile-rules.ts";
import type { RulesInForce } from "../rules/live-rules.ts";
import { loadRules } from "../rules/load-rules.ts";
import { idleTokens, sayIdleTokens, type ToolGrants } from "../rules/read-tools.ts";
import type { Rule } from "../rules/rule.ts";
import type { CliContext } from "./context.ts";

/** The rules in force. @throws {PermanentError} `rules_invalid` with every fault and its place */
export const loadCompiledRules = async (file: string): Promise<readonly CompiledRule[]> =>
  compileRules((await loadRules(file)).rules);

/**
 * The settings that must be right before the relay starts, and how its rules are read then and later.
 * @throws {PermanentError} `config_invalid`
 */
export function loadSettings(
  { environment }: CliContext,
  needs: { readonly work: boolean; readonly receive: boolean },
): {
  readonly config: Config;
  /** @throws {PermanentError} `rules_invalid`; `config_invalid` when something is not set that the rules need */
  readonly load: () => Promise<RulesInForce>;
} {
  const config = parseConfig(environment);
  checkSecrets(config.fastio.secrets);
  checkAlertNotices(config);
  return {
    config,
    load: async () => {
      const { rules, ...others } = await loadRules(config.rulesFile);
      if (needs.work) checkVariables(rules, config);
      if (needs.receive) checkTokens(others.tools, config);
      return { rules: compileRules(rules), ...others };
    },
  };
}

/** Told at the start, since the first alert would be too late. @throws {PermanentError} `config_invalid` */
function checkAlertNotices({ notices }: Config): void {
  const url = notices.urlOf(ALERT_NOTICE_VARIABLE);
  const fault = url === undefined ? undefined : whyNoNoticeUrl(url, notices);
  if (fault === undefined) return;
  throw new PermanentError("config_invalid", `${ALERT_NOTICE_VARIABLE} ${fault}`, {
    failure: "misconfigured",
    nextAction: "name its host in NOTICE_HOSTS, if you trust it",
  });
}

/** @throws {PermanentError} `config_invalid`, naming every variable that work on these rules lacks */
export function checkVariables(rules: readonly Rule[], config: Config): void {
  const faults = [
    ...(config.fastio.apiKey ? [] : ["  FASTIO_API_KEY: is needed to read files and make shares"]),
    ...rules.flatMap((rule) => unsetVariables(rule, config)),
  ];
  if (faults.length === 0) return;
  throw new PermanentError("config_invalid", `The environment does not fit:\n${[...new Set(faults)].join("\n")}`, {
    failure: "misconfigured",
    nextAction: "set what is missing and start the relay again",
  });
}

/** @throws {PermanentError} `config_invalid`, naming every token that may do nothing */
function checkTokens(tools: ToolGrants, { toolTokens }: Config): void {
  const idle = idleTokens(tools, toolTokens);
  if (idle.length === 0) return;
  throw new PermanentError("config_invalid", sayIdleTokens(idle), {
    failure: "misconfigured",
    nextAction: "write them under tools: in the rules file, or take them out of TOOLS_TOKEN",
  });
}

/** Variables that a rule names and that nobody set, or that hold what cannot work; never a value. */
function unsetVariables(
  { name, run, deliver }: Rule,
  { isSet, notices }: Pick<Config, "isSet" | "notices">,
): readonly string[] {
  const { noticeVariable } = deliver;
  const noticeUrl = noticeVariable === undefined ? undefined : notices.urlOf(noticeVariable);
  const noticeFault = noticeUrl === undefined ? undefined : whyNoNoticeUrl(noticeUrl, notices);
  return [
    ...[run.keyVariable, deliver.passwordVariable, noticeVariable]
      .filter((variable) => variable !== undefined && !isSet(variable))
      .map((variable) => `  ${variable}: is named by the rule ${name} and not set`),
    ...(noticeFault === undefined ? [] : [`  ${noticeVariable}: ${noticeFault}`]),
  ];
}
