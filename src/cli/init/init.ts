import { type Config, type Environment, parseConfig } from "../../config.ts";
import { checkRuleInputs } from "../../doctor/check-rule-inputs.ts";
import { compileRules } from "../../rules/compile-rules.ts";
import { parseRules } from "../../rules/load-rules.ts";
import { filesWords } from "../../text/files-words.ts";
import { plain } from "../../text/unseen.ts";
import { relayOrigin } from "../ask-relay.ts";
import type { CliContext, ExitCode } from "../context.ts";
import { howItGoes, isFinished } from "../run-line.ts";
import { answerFromFlags } from "./answer-from-flags.ts";
import { askDify, type DifyAnswers } from "./ask-dify.ts";
import { askFastio, type FastioAnswers } from "./ask-fastio.ts";
import { askPerson } from "./ask-person.ts";
import { askRule } from "./ask-rule.ts";
import { type Asker, Left } from "./asker.ts";
import { chooseSource, type SourceChoice, sourceWords } from "./choose-source.ts";
import { type FirstFile, tryFirstFile } from "./first-file.ts";
import type { InitOptions } from "./init-options.ts";
import { missingFlags } from "./missing-flags.ts";
import { type FilePlan, planFiles, previewOf } from "./plan-files.ts";
import type { RuleWish } from "./propose-rule.ts";
import { type Written, writeSetup } from "./write-setup.ts";

/** What is known at each moment, for what is told at the end, whichever end that is. */
type Progress = {
  stage: "asking" | "writing" | "written";
  source?: SourceChoice;
};

type InitDeps = {
  /** Who answers; by default a person at the terminal, or else the options. */
  readonly asker?: Asker;
  readonly envFile?: string;
};

const WHAT_COMES =
  "It asks for a key of Fast.io and one of a Dify app, looks at what they open, and proposes settings and a rule. Nothing is written before you have seen it; Ctrl-C leaves.";

/** Sets a relay up, question by question; what was answered on the command line is not asked. */
export async function init(context: CliContext, options: InitOptions, deps: InitDeps = {}): Promise<ExitCode> {
  const { asker = chooseAsker(context, options), envFile = ".env" } = deps;
  const progress: Progress = { stage: "asking" };
  let fastio: FastioAnswers | undefined;
  try {
    if (asker.isPerson) asker.say(WHAT_COMES);
    fastio = await askFastio(context, asker, options);
    return await setUp(context, asker, options, { fastio, progress, envFile });
  } catch (error) {
    if (!(error instanceof Left) && !context.signal.aborted) throw error;
    context.warn(stoppedWords(progress));
    return 1;
  } finally {
    await fastio?.upstreams.close();
  }
}

function chooseAsker(context: CliContext, options: InitOptions): Asker {
  if (context.isInteractive && !options.yes && !options.json) return askPerson(context);
  missingFlags(context.environment, options);
  return answerFromFlags(context, options);
}

function stoppedWords({ stage, source }: Progress): string {
  if (stage === "written") return "Stopped. What was agreed to is written; relay start runs it.";
  if (stage === "asking" || source?.kind !== "webhook")
    return "Stopped. Nothing was written, and nothing was done at Fast.io.";
  return `Stopped. Nothing was written here. At Fast.io there may be a webhook to ${source.url}: relay init finds it again, relay webhooks list shows it, relay webhooks delete takes it away.`;
}

async function setUp(
  context: CliContext,
  asker: Asker,
  options: InitOptions,
  {
    fastio,
    progress,
    envFile,
  }: { readonly fastio: FastioAnswers; readonly progress: Progress; readonly envFile: string },
): Promise<ExitCode> {
  const { workspace, upstreams } = fastio;
  const dify = await askDify(context, asker, options);
  const rule = await askRule(asker, options, workspace, dify);
  const config = parseConfig(context.environment);
  const deps = { fastio: upstreams.fastio, config, signal: context.signal };
  const source = await chooseSource(asker, options, deps, workspace);
  progress.source = source;

  const { environment } = context;
  const plan = await planFiles(asker, options, config, {
    fastioKey: fastio.key,
    difyKey: dify.key,
    rule,
    source,
    environment,
    envFile,
  });
  tellFit(asker, config, plan, rule, dify);
  preview(asker, plan, rule, source);
  if (options.dryRun) {
    asker.say("Nothing was written: --dry-run");
    return tell(context, options, { rule, dify, source, written: undefined, first: undefined });
  }
  const agreed = await asker.confirm({ message: "Write this?", flag: "--yes", proposal: true });
  if (!agreed) throw new Left();

  progress.stage = "writing";
  const write = { ...deps, workspace, secrets: config.fastio.secrets };
  const written = await asker.busy("writing …", () => writeSetup(write, plan, source));
  progress.stage = "written";
  for (const note of written.notes) asker.warn(note);
  if (written.source.kind !== source.kind) asker.warn(sourceWords(written.source));
  if (source.kind === "webhook" && source.secret !== "keep" && written.webhookId !== undefined)
    asker.say(`Webhook ${written.webhookId} ${source.secret === "new" ? "is registered" : "has a new secret"}`);
  asker.say(`${envFile} and ${plan.rulesFile} are written`);

  const wantsTry =
    options.try ??
    (asker.isPerson &&
      (await asker.confirm({ message: "Drop a small file now and follow it?", flag: "--try", proposal: true })));
  const now = { ...environment, ...Object.fromEntries(written.changes.map(({ name, value }) => [name, value])) };
  const first = wantsTry
    ? await tryFirstFile({
        context,
        asker,
        environment: now,
        fastio: upstreams.fastio,
        rule,
        fileInput: dify.fileInput,
        onChange: (run) => {
          // Its end is told below, whichever it is.
          if (!isFinished(run)) asker.say(`${run.status}  ${filesWords(run)}  ${howItGoes(run)}`.trimEnd());
        },
      })
    : undefined;
  if (first) tellFirst(asker, first);
  return tell(context, options, { rule, dify, source: written.source, written, first, environment: now });
}

/** What would fail each run is told before anything is written. */
function tellFit(asker: Asker, config: Config, plan: FilePlan, rule: RuleWish, dify: DifyAnswers): void {
  const compiled = compileRules(parseRules(plan.rulesAfter, config.rulesFile).rules).find(
    (one) => one.rule.name === rule.name,
  );
  if (!compiled) return;
  const { faults, notes } = checkRuleInputs(compiled, dify.parameters);
  for (const fault of faults) asker.warn(fault);
  for (const note of notes) asker.say(note);
}

function preview(asker: Asker, plan: FilePlan, rule: RuleWish, source: SourceChoice): void {
  const { env, envTitle, rules, rulesTitle } = previewOf(plan, rule, source);
  asker.show(envTitle, env);
  asker.show(rulesTitle, rules);
  asker.say(sourceWords(source));
}

function tellFirst(asker: Asker, first: FirstFile): void {
  if (first.kind === "other_relay") {
    asker.warn(`A relay runs at ${first.origin}, with other settings: start it anew, and drop a file into the folder`);
    return;
  }
  const { ended, fileName } = first;
  if (ended.kind === "unsettled") asker.warn(`${fileName} has not come to an end yet: relay start goes on with it`);
  for (const { rule, reason } of ended.kind === "ignored" ? ended.story.reasons : [])
    asker.warn(`${fileName} made no run: ${rule === "*" ? "" : `${rule}: `}${reason}`);
  for (const run of ended.kind === "ended" ? ended.story.runs : []) {
    if (run.status === "delivered") asker.say(`${fileName} is delivered: ${run.share ?? "see the workspace"}`);
    else asker.warn(run.nextAction ?? `relay runs show ${run.id} tells more`);
  }
}

type Told = {
  readonly rule: RuleWish;
  readonly dify: DifyAnswers;
  readonly source: SourceChoice;
  readonly written: Written | undefined;
  readonly first: FirstFile | undefined;
  readonly environment?: Environment;
};

function tell(context: CliContext, { json }: InitOptions, told: Told): ExitCode {
  const { rule, dify, source, written, first, environment } = told;
  const runs = first?.kind === "followed" ? (first.ended.story?.runs ?? []) : [];
  const isGood = first === undefined || (runs.length > 0 && runs.every(({ status }) => status === "delivered"));
  if (json) {
    const hears =
      source.kind === "pull"
        ? { kind: "pull", reason: source.reason }
        : { kind: "webhook", url: source.url, id: written?.webhookId ?? null };
    context.print(
      JSON.stringify({
        ok: isGood,
        written: written !== undefined,
        settings: written?.changes.map(({ name }) => name) ?? [],
        workspace: rule.workspace,
        app: dify.appName,
        rule: rule.name,
        input: dify.fileInput.variable,
        hears,
        ...(first && { first: runs.map(({ id, file, status, share }) => ({ run: id, file, status, share })) }),
      }),
    );
  } else if (written !== undefined && environment !== undefined) {
    const config = parseConfig(environment);
    context.print("");
    context.print("Now:");
    for (const [command, words] of [
      ["npx relay doctor", "looks at everything"],
      ["npx relay start", `runs it; its pages: ${relayOrigin(config)}`],
      ["", "log in with RELAY_TOKENS in .env, without the role"],
      ["npx relay runs tail", `follows the files that come into ${rule.folder} of ${rule.workspace.name}`],
    ] as const)
      context.print(plain(`  ${command.padEnd(20)} ${words}`));
  }
  return isGood ? 0 : 1;
}
