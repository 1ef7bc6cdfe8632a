import { randomUUID } from "node:crypto";
import { systemClock } from "../clock.ts";
import { type Config, type Environment, parseConfig } from "../config.ts";
import { RelayError } from "../errors.ts";
import { checkSecrets } from "../fastio/signatures/derive-keys.ts";
import { isOneOf } from "../http/host-guard.ts";
import { createTransport } from "../http/transport.ts";
import { messageOf } from "../message-of.ts";
import { type CompiledRule, compileRules } from "../rules/compile-rules.ts";
import { loadRules } from "../rules/load-rules.ts";
import type { ToolGrants } from "../rules/read-tools.ts";
import { silentLog } from "../telemetry/log.ts";
import { openUpstreams, outboundOriginsOf } from "../upstreams.ts";
import { type ExamineDifyOptions, examineDify } from "./examine-dify.ts";
import { examineFastio } from "./examine-fastio.ts";
import { examineLedger, examineQueue, judgeNotices, judgePasswords, judgeSettings, judgeTools } from "./examine-own.ts";
import { type Fault, type Finding, failed, ok } from "./finding.ts";

/** Tells what each check finds as soon as it is known. */
export type Tell = (finding: Finding) => void;

/** Looks at everything the relay needs, from settings to apps. What cannot be looked at without another is left out. */
export async function examine(
  environment: Environment,
  options: ExamineDifyOptions,
  tell: Tell,
  signal: AbortSignal,
): Promise<void> {
  const config = readSettings(environment, tell);
  if (config === undefined) return;
  const { rules, tools } = await readRules(config.rulesFile, tell);
  for (const finding of [...judgeSettings(config), ...judgePasswords(config, rules), ...judgeNotices(config, rules)])
    tell(finding);
  for (const finding of tools === undefined ? [] : judgeTools(config, tools)) tell(finding);
  const deps = { clock: systemClock, random: Math.random, newId: randomUUID, log: silentLog };
  for (const finding of await examineLedger(config.ledger.url, deps)) tell(finding);
  for (const finding of await examineQueue(config.redisUrl)) tell(finding);

  const upstreams = openUpstreams(config, deps);
  const transport = createTransport({ isConfigured: isOneOf(outboundOriginsOf(config)) });
  try {
    for (const finding of await examineFastio({ fastio: upstreams.fastio, config }, rules, signal)) tell(finding);
    const found = await examineDify({ ...deps, send: transport.send, config }, rules, options, signal);
    for (const finding of found) tell(finding);
  } finally {
    await Promise.all([upstreams.close(), transport.close()]);
  }
}

function readSettings(environment: Environment, tell: Tell): Config | undefined {
  const about = { check: "settings", subject: "environment" };
  try {
    const config = parseConfig(environment);
    checkSecrets(config.fastio.secrets);
    tell({ ...about, ...ok("every variable can be read") });
    return config;
  } catch (error) {
    tell({ ...about, ...failed("settings_invalid", ...wordsOf(error, "Correct the variables that are named.")) });
    return undefined;
  }
}

/** What tools may do is undefined when the file cannot be read: it says that already. */
type ReadRules = { readonly rules: readonly CompiledRule[]; readonly tools: ToolGrants | undefined };

async function readRules(file: string, tell: Tell): Promise<ReadRules> {
  const about = { check: "rules", subject: file };
  const fault: Fault = "rules_invalid";
  try {
    const { rules, tools } = await loadRules(file);
    tell({ ...about, ...ok(`${rules.length} rule${rules.length === 1 ? "" : "s"}, no faults`) });
    return { rules: compileRules(rules), tools };
  } catch (error) {
    tell({ ...about, ...failed(fault, ...wordsOf(error, "Correct the rules file.")) });
    return { rules: [], tools: undefined };
  }
}

/** Settings and rules tell all their faults at once, a line each. */
function wordsOf(error: unknown, remedy: string): [found: string, remedy: string] {
  return error instanceof RelayError ? [error.message, error.nextAction ?? remedy] : [messageOf(error), remedy];
}
