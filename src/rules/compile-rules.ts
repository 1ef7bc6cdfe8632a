import { MIME_GLOB, NAME_GLOB, PATH_GLOB } from "./fields.ts";
import { belowToo, type Glob, type GlobOptions, parseGlob } from "./glob.ts";
import type { Rule, RuleOutput } from "./rule.ts";
import { ruleHash } from "./rule-hash.ts";
import { type CompiledTemplate, compileTemplate, foldersOf } from "./template.ts";
import { FOLDER_NAMES, INPUT_NAMES, RESULT_NAMES, TEXT_NAMES, type TemplateName } from "./template-names.ts";

/** A rule with its globs and templates read once, ready to be asked many times. */
export type CompiledRule = {
  readonly rule: Rule;
  /** `ruleHash(rule)`. */
  readonly hash: string;
  readonly globs: {
    readonly folder: Glob | undefined;
    readonly files: readonly Glob[] | undefined;
    readonly mime: readonly Glob[] | undefined;
    /** Each beside the text it was written as. */
    readonly excludedFolders: readonly { readonly written: string; readonly matches: Glob }[];
  };
  readonly templates: {
    readonly inputs: ReadonlyMap<string, CompiledTemplate | number | boolean>;
    /** One template for each folder on the way down; none for the folder of the source. */
    readonly folder: readonly CompiledTemplate[];
    readonly title: CompiledTemplate;
    readonly invite: readonly CompiledTemplate[];
    readonly message: CompiledTemplate | undefined;
    readonly description: CompiledTemplate | undefined;
    /** Questions before the workflow, and after its outputs were placed, in the order of the rule. */
    readonly questions: Readonly<Record<"before" | "after", readonly CompiledTemplate[]>>;
  };
  /** Every name that any of its templates holds. */
  readonly mentions: ReadonlySet<TemplateName>;
  /** Outputs of the workflow that its templates hold. */
  readonly mentionedOutputs: ReadonlySet<string>;
  /** The rule's outputs; undefined when all are handed on. */
  readonly outputs: readonly CompiledOutput[] | undefined;
};

export type CompiledOutput = {
  readonly output: RuleOutput;
  readonly as: CompiledTemplate | undefined;
  readonly types: readonly Glob[] | undefined;
};

/** Compiles rules that `parseRules` has let through. */
export const compileRules = (rules: readonly Rule[]): readonly CompiledRule[] => rules.map(compileRule);

function compileRule(rule: Rule): CompiledRule {
  const { when, run, deliver } = rule;
  const mentions = new Set<TemplateName>();
  const mentionedOutputs = new Set<string>();
  const template = (written: string, names: readonly TemplateName[]): CompiledTemplate => {
    const compiled = readTemplate(written, names);
    for (const part of compiled.kind === "text" ? compiled.parts : []) {
      if (typeof part === "string") continue;
      mentions.add(part.name);
      if (part.of?.family === "outputs") mentionedOutputs.add(part.of.key);
    }
    return compiled;
  };
  const text = (written: string) => template(written, TEXT_NAMES);
  const resultText = (written: string) => template(written, RESULT_NAMES);
  return {
    rule,
    hash: ruleHash(rule),
    mentions,
    mentionedOutputs,
    globs: {
      folder: when.folder === undefined ? undefined : glob(when.folder, PATH_GLOB),
      files: when.files?.map((written) => glob(written, NAME_GLOB)),
      mime: when.mime?.map((written) => glob(written, MIME_GLOB)),
      excludedFolders: when.exclude.folders.map((written) => ({
        written,
        matches: glob(belowToo(written), PATH_GLOB),
      })),
    },
    templates: {
      inputs: new Map(
        Object.entries(run.inputs).map(([variable, value]) => [
          variable,
          typeof value === "string" ? template(value, INPUT_NAMES) : value,
        ]),
      ),
      folder: foldersOf(deliver.folder)
        .filter((name) => name !== "" && name !== ".")
        .map((name) => template(name, FOLDER_NAMES)),
      title: resultText(deliver.title),
      invite: deliver.invite.map(text),
      message: deliver.message === undefined ? undefined : resultText(deliver.message),
      description: deliver.description === undefined ? undefined : resultText(deliver.description),
      questions: {
        before: (run.ask ?? []).map(({ question }) => text(question)),
        after: (deliver.ask ?? []).map(({ question }) => text(question)),
      },
    },
    outputs: deliver.outputs?.map((output) => ({
      output,
      as: output.as === undefined ? undefined : text(output.as),
      types: output.types?.map((written) => glob(written, MIME_GLOB)),
    })),
  };
}

function glob(written: string, options: GlobOptions): Glob {
  const read = parseGlob(written, options);
  if (read.kind === "fault") throw new Error(`a rule with an unreadable glob got past the schema: ${read.message}`);
  return read.matches;
}

function readTemplate(written: string, names: readonly TemplateName[]): CompiledTemplate {
  const read = compileTemplate(written, names);
  if (read.kind === "fault") throw new Error(`a rule with an unreadable template got past the schema: ${read.message}`);
  return read.template;
}
