import { systemClock } from "../clock.ts";
import { type Config, parseConfig } from "../config.ts";
import { checkInputsOfRules, type InputsVerdict } from "../doctor/check-inputs-of-rules.ts";
import { compileRules } from "../rules/compile-rules.ts";
import { guideFaults } from "../rules/guide-faults.ts";
import { loadRules } from "../rules/load-rules.ts";
import type { Rule } from "../rules/rule.ts";
import { silentLog } from "../telemetry/log.ts";
import { openUpstreams } from "../upstreams.ts";
import type { CliContext, ExitCode } from "./context.ts";
import { checkVariables } from "./load-settings.ts";

export type CheckRulesOptions = {
  readonly json: boolean;
  /** Ask Dify too; otherwise nothing leaves this machine. */
  readonly live?: boolean;
  readonly file?: string;
};

/** Reads the rules file and says what each rule does, or every fault with its place. 1 when something does not fit; 78 with `live` and a variable missing. */
export async function checkRules(context: CliContext, options: CheckRulesOptions): Promise<ExitCode> {
  const config = parseConfig(context.environment);
  const file = options.file ?? config.rulesFile;
  const rules = (await loadRules(file)).rules;
  // The secrets of where the file is written need not be there; where it is to run they must be.
  if (options.live) checkVariables(rules, config);
  const verdicts = options.live ? await askDify(config, rules, context.signal) : undefined;
  const impossible = new Map(
    rules.map(({ name, deliver }) => [name, config.fastio.dialect === "guide" ? guideFaults(deliver) : []]),
  );
  const troubleOf = ({ faults, unanswered }: InputsVerdict): readonly string[] =>
    unanswered === undefined ? faults : [`could not be checked: ${unanswered}`];
  const fits = verdicts?.every((verdict) => troubleOf(verdict).length === 0) ?? true;
  const isPossible = [...impossible.values()].every((faults) => faults.length === 0);
  const isFine = fits && isPossible;
  if (options.json) {
    const faults = {
      ...(verdicts === undefined ? {} : { inputs: verdicts }),
      ...(isPossible ? {} : { impossible: Object.fromEntries(impossible) }),
    };
    context.print(JSON.stringify({ file, rules: rules.map(({ name }) => name), ...faults }));
    return isFine ? 0 : 1;
  }
  const fine = [
    isPossible ? "no faults" : "deliveries that this Fast.io cannot make (FASTIO_DIALECT=guide)",
    ...(verdicts === undefined ? [] : [fits ? "the inputs fit" : "inputs that do not fit"]),
  ].join(", and ");
  context.print(`${file}: ${rules.length} rule${rules.length === 1 ? "" : "s"}, ${fine}`);
  for (const rule of rules) {
    context.print(
      `  ${rule.name}: ${rule.when.events.join(", ")} in workspace ${rule.when.workspace}, key from ${rule.run.keyVariable}`,
    );
    const verdict = verdicts?.find((each) => each.rule === rule.name);
    for (const trouble of [...(verdict ? troubleOf(verdict) : []), ...(impossible.get(rule.name) ?? [])])
      context.print(`    → ${trouble}`);
    for (const note of verdict?.notes ?? []) context.print(`    note: ${note}`);
  }
  return isFine ? 0 : 1;
}

async function askDify(config: Config, rules: readonly Rule[], signal: AbortSignal): Promise<readonly InputsVerdict[]> {
  const upstreams = openUpstreams(config, { clock: systemClock, random: Math.random, log: silentLog });
  try {
    return await checkInputsOfRules(upstreams, compileRules(rules), signal);
  } finally {
    await upstreams.close();
  }
}
