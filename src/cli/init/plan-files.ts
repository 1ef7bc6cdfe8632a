import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import type { Config } from "../../config.ts";
import { textOfFile } from "../../disk/written-text.ts";
import { PermanentError } from "../../errors.ts";
import { DIFY_KEY_VARIABLE } from "./ask-dify.ts";
import type { Asker } from "./asker.ts";
import type { SourceChoice } from "./choose-source.ts";
import { type EnvChange, readEnvText } from "./env-file.ts";
import type { InitOptions } from "./init-options.ts";
import { printRule, putRule, type RuleWish, ruleIn } from "./propose-rule.ts";

export type FilePlan = {
  readonly envFile: string;
  readonly envText: string;
  /** Settings that are new or other than before; the secret of a webhook comes when it is made. */
  readonly changes: readonly EnvChange[];
  readonly rulesFile: string;
  /** undefined: there is no such file yet. */
  readonly rulesBefore: string | undefined;
  readonly rulesAfter: string;
};

/** Values that are shown as they are; all others are keys, tokens or secrets. */
const SHOWN: ReadonlySet<string> = new Set([
  "FASTIO_API_URL",
  "DIFY_API_URL",
  "PUBLIC_URL",
  "RELAY_CONFIG",
  "PORT",
  "DATABASE_URL",
]);
/** Settings that this command was run with, and that the relay will need as well. */
const CARRIED = ["FASTIO_API_URL", "DIFY_API_URL", "PORT"] as const;

/** @returns undefined when there is none */
async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return textOfFile(await readFile(path));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** What will be written, with every value that would be replaced asked about. */
export async function planFiles(
  asker: Asker,
  options: InitOptions,
  config: Config,
  wish: {
    readonly fastioKey: string;
    readonly difyKey: string;
    readonly rule: RuleWish;
    readonly source: SourceChoice;
    readonly environment: Readonly<Record<string, string | undefined>>;
    readonly envFile: string;
  },
): Promise<FilePlan> {
  const { source, envFile } = wish;
  const envText = (await readIfThere(envFile)) ?? "";
  const before = readEnvText(envText);
  const wanted: readonly EnvChange[] = [
    ...CARRIED.flatMap((name) => ({ name, value: wish.environment[name] ?? "" })),
    { name: "FASTIO_API_KEY", value: wish.fastioKey },
    { name: DIFY_KEY_VARIABLE, value: wish.difyKey },
    ...(source.kind === "webhook" && source.publicUrl !== undefined
      ? [{ name: "PUBLIC_URL", value: source.publicUrl }]
      : []),
    ...(config.tokens.length === 0
      ? [{ name: "RELAY_TOKENS", value: `operator:${randomBytes(24).toString("base64url")}` }]
      : []),
  ].filter(({ value }) => value !== "");
  const changes: EnvChange[] = [];
  for (const change of wanted) {
    const now = before[change.name];
    if (now === change.value) continue;
    if (now !== undefined && now !== "" && !(await mayReplace(asker, options, change.name, envFile))) continue;
    changes.push(change);
  }
  const rulesBefore = await readIfThere(config.rulesFile);
  const written = putRule(rulesBefore, wish.rule, config.rulesFile);
  const known = ruleIn(rulesBefore, wish.rule.name, config.rulesFile);
  const isSame = known !== undefined && isDeepStrictEqual(known, ruleIn(written, wish.rule.name, config.rulesFile));
  if (known !== undefined && !isSame) await agreeToReplaceRule(asker, options, wish.rule);
  // What says the same already stays as somebody wrote it.
  const rulesAfter = isSame && rulesBefore !== undefined ? rulesBefore : written;
  return { envFile, envText, changes, rulesFile: config.rulesFile, rulesBefore, rulesAfter };
}

async function mayReplace(asker: Asker, options: InitOptions, name: string, envFile: string): Promise<boolean> {
  if (options.replace) return true;
  if (!asker.isPerson) {
    throw new PermanentError("usage_invalid", `${envFile} has another ${name} already`, {
      nextAction: "say --replace to replace it, or take it out of the file",
    });
  }
  const flag = "--replace";
  return asker.confirm({ message: `${envFile} has another ${name} already. Replace it?`, flag, proposal: false });
}

async function agreeToReplaceRule(asker: Asker, options: InitOptions, { name }: RuleWish): Promise<void> {
  const question = {
    message: `The rules file has a rule ${name} already. Replace it?`,
    flag: "--replace",
    proposal: true,
  };
  if (options.replace || (asker.isPerson && (await asker.confirm(question)))) return;
  throw new PermanentError("usage_invalid", `the rules file has a rule ${name} already`, {
    nextAction: "say --replace to replace it, or another name: --name <rule>",
  });
}

/** What is looked at before anything is written. No secret is in it. */
export function previewOf(
  { envFile, changes, envText, rulesFile, rulesBefore }: FilePlan,
  rule: RuleWish,
  source: SourceChoice,
) {
  const known = readEnvText(envText);
  const secret =
    source.kind === "webhook" && source.secret !== "keep" ? ["FASTIO_WEBHOOK_SECRETS=(the new webhook's)"] : [];
  const lines = changes.map(({ name, value }) => {
    const shown = SHOWN.has(name) ? value : "(not shown)";
    return `${name}=${shown}${known[name] ? "  in place of the one before" : ""}`;
  });
  return {
    env: [...lines, ...secret, ...(lines.length + secret.length === 0 ? ["nothing changes"] : [])],
    envTitle: `${envFile}, ${envText === "" ? "new" : "other lines stay"}`,
    rules: printRule(rule).trimEnd().split("\n"),
    rulesTitle: `${rulesFile}, ${rulesBefore === undefined ? "new" : "other rules stay"}`,
  };
}
