import { uploadLimitFor } from "../dify/app-info.ts";
import { type PreparedInputs, prepareInputs, THE_FILE } from "../dify/build-inputs.ts";
import { findFileInput } from "../dify/find-file-input.ts";
import type { DifyInput, DifyParameters } from "../dify/types.ts";
import { PermanentError } from "../errors.ts";
import type { CompiledRule } from "../rules/compile-rules.ts";
import { renderInputs } from "../rules/delivery-texts.ts";
import { templateValues } from "../rules/template-values.ts";
import { counted } from "../text/figures.ts";

/** An extension for each kind of file that a variable may take. */
const SAMPLE_EXTENSIONS = { document: "pdf", image: "png", audio: "mp3", video: "mp4" } as const;
/** `*.pdf` and `*.{pdf,docx}`: globs that say which kinds of file will come. */
const EXTENSION_GLOB = /^\*+\.(?:\{([\w,]+)\}|(\w+))$/;

export type InputsFit = {
  /** What does not fit and would fail runs, in words. */
  readonly faults: readonly string[];
  /** What will be otherwise than the rule's author may think. */
  readonly notes: readonly string[];
};

/**
 * Whether a rule's inputs fit what the app declares, tried on a file of each kind the rule names.
 * Texts are those of a sample, so a limit that only a longer file name would break is not found.
 */
export function checkRuleInputs(compiled: CompiledRule, { inputs, uploadLimits }: DifyParameters): InputsFit {
  const faults = new Set<string>();
  const notes = new Set<string>();
  const { when, run } = compiled.rule;
  for (const name of sampleNames(compiled, inputs)) {
    try {
      const { byLink, byUpload, mostFiles } = prepareSample(compiled, inputs, name);
      const isUploaded = run.send === "upload" || !byLink;
      if (isUploaded && !byUpload) faults.add("the app's file variable takes links only; write send: url");
      else if (isUploaded && run.send === "url")
        notes.add("the app's file variable takes no links: files are uploaded");
      if (run.batch !== undefined && mostFiles < run.batch.maxFiles)
        notes.add(`the app takes ${counted(mostFiles, "file")} at a time: larger batches are cut into several runs`);
      const limit = uploadLimitFor(uploadLimits, name);
      if (isUploaded && when.maxSizeBytes !== undefined && when.maxSizeBytes > limit)
        notes.add(`maxSize lets in ${when.maxSizeBytes} bytes, and this Dify takes ${limit} of files like ${name}`);
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      faults.add(error.message);
    }
  }
  return { faults: [...faults], notes: [...notes] };
}

/**
 * A rule's inputs for a sample file.
 * @throws {PermanentError} `dify_input_invalid`
 */
export function prepareSample(compiled: CompiledRule, declared: readonly DifyInput[], name: string): PreparedInputs {
  const values = templateValues({
    ruleName: compiled.rule.name,
    runId: "sample",
    eventType: compiled.rule.when.events[0] ?? "file.created",
    file: { name, folderPath: "/Inbox", size: 1 },
    workspace: { id: compiled.rule.when.workspace },
    runCreatedAtMs: 0,
  });
  const given: Record<string, unknown> = {};
  for (const [variable, input] of renderInputs(compiled, values)) {
    given[variable] = input.kind === "file" ? THE_FILE : input.value;
  }
  // What an answer says is not known before, and too long a one is cut.
  for (const { into } of compiled.rule.run.ask ?? []) given[into] = "?";
  if (!Object.values(given).includes(THE_FILE)) given[fileVariable(declared)] = THE_FILE;
  return prepareInputs(declared, given, { name });
}

function fileVariable(declared: readonly DifyInput[]): string {
  const found = findFileInput(declared);
  if (found.kind === "one") return found.input.variable;
  throw new PermanentError(
    "dify_input_invalid",
    found.kind === "none"
      ? "the app has no file variable to put the file into"
      : `the app has several file variables (${found.variables.join(", ")}) and the rule does not say which takes the file`,
  );
}

/** Names of files as the rule will meet them; one that the app takes when the rule does not say. */
export function sampleNames({ rule }: CompiledRule, declared: readonly DifyInput[]): readonly string[] {
  const extensions = (rule.when.files ?? []).flatMap((glob) => {
    const [, several, one] = EXTENSION_GLOB.exec(glob) ?? [];
    return several?.split(",") ?? (one === undefined ? [] : [one]);
  });
  const named = extensions.length > 0 ? extensions : [acceptedExtension(declared)];
  return named.map((extension) => `sample.${extension.toLowerCase()}`);
}

/** An extension that the app's first file variable takes. */
export function acceptedExtension(declared: readonly DifyInput[]): string {
  const input = declared.find(({ type }) => type === "file" || type === "file-list");
  for (const type of input?.allowedFileTypes ?? []) {
    if (type === "custom") {
      const own = input?.allowedFileExtensions?.[0]?.replace(/^\./, "");
      if (own) return own;
    }
    const known = Object.entries(SAMPLE_EXTENSIONS).find(([kind]) => kind === type);
    if (known) return known[1];
  }
  return "pdf";
}
