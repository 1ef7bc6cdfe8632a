import { createHash } from "node:crypto";
import { type SplitOutputs, splitOutputs } from "../../src/dify/split-outputs.ts";
import type { Dify, DifyOutputFile, DifyRunDetail } from "../../src/dify/types.ts";
import { PermanentError } from "../../src/errors.ts";
import type { Fastio } from "../../src/fastio/types.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { listOutputs, saveOutput, saveOutputs } from "../../src/ledger/outputs.ts";
import { cutTo } from "../../src/rules/cut-to.ts";
import type { WantedOutput } from "../../src/rules/delivery-texts.ts";
import { mayShow } from "../../src/rules/show.ts";
import { addWarnings } from "../add-warnings.ts";
import { outputsToldOf, outputsWantedBy } from "../render-for-run.ts";
import type { RunDesk } from "../run-desk.ts";
import { describeFile } from "./describe-file.ts";
import { forwardFile } from "./forward-file.ts";
import { toldOutputs } from "./told-outputs.ts";

export type CollectOutputsDeps = {
  readonly db: Db;
  readonly dify: Pick<Dify, "openOutput" | "readRun">;
  readonly fastio: Pick<Fastio, "uploadUnplaced">;
};

/** Ours, against outputs without end: far above what Dify itself makes or any of its upload limits. */
const MAX_OUTPUT_BYTES = 5 * 1024 ** 3;
/** Characters of a text that stay for the run's page, where the rule lets it be shown. */
const MAX_EXCERPT_CHARS = 2_000;
const TEXT_TYPES = {
  md: "text/markdown",
  csv: "text/csv",
  html: "text/html",
  xml: "text/xml",
  json: "application/json",
} as const;

/**
 * Takes the outputs while Dify's links to them live (300 s, and they are never signed again):
 * files go straight into Fast.io upload sessions that have no place yet, text and JSON into the ledger.
 * A shadow run keeps of its files what they are, not the bytes. What an earlier attempt collected is kept. What the rule does not let through is left behind with a warning.
 * @param isFirst the workflow was asked for by this attempt, so that nothing can have been collected before
 * @throws {PermanentError} `output_missing` when nothing is left of what the rule names
 */
export async function collectOutputs(
  { db, dify, fastio }: CollectOutputsDeps,
  desk: RunDesk,
  detail: Pick<DifyRunDetail, "outputs">,
  { isFirst }: { readonly isFirst: boolean } = { isFirst: false },
): Promise<void> {
  const { run, signal } = desk;
  const wanted = outputsWantedBy(run);
  const split = splitOutputs(detail.outputs, wanted);
  const rules = new Map(wanted?.map((output) => [output.name, output]));
  const before = isFirst ? [] : await listOutputs(db, run.id);
  const known = new Map(before.map((output) => [output.ordinal, output]));
  const openOutput = openWithSecondLook(dify, desk, split.files, wanted);
  const warnings = split.missing.map((name) => `the workflow gave no output ${name}`);
  let ordinal = 0;
  let kept = 0;

  for (const file of split.files) {
    const mine = ordinal++;
    const rule = rules.get(file.variable);
    const refused = refusedType(rule, file);
    const maxBytes = rule?.maxSizeBytes ?? MAX_OUTPUT_BYTES;
    const isThere = run.rule.shadow ? known.has(mine) : known.get(mine)?.uploadId != null;
    if (refused === undefined && !isThere) {
      const sent = run.rule.shadow
        ? await describeFile(openOutput, file, maxBytes, signal)
        : await forwardFile({ openOutput, fastio }, run.workspaceId, file, maxBytes, signal);
      if (sent === "too_large") {
        warnings.push(tooLarge(file.name, maxBytes));
        continue;
      }
      const { name, mimeType } = file;
      await saveOutput(db, { runId: run.id, ordinal: mine, kind: "file", name, mimeType, ...sent });
    }
    if (refused === undefined) kept += 1;
    else warnings.push(refused);
  }

  const written: Parameters<typeof saveOutput>[1][] = [];
  for (const output of writtenOutputs(split)) {
    const mine = ordinal++;
    const rule = rules.get(output.variable);
    const bytes = Buffer.from(output.content, "utf8");
    const refused =
      refusedType(rule, output) ??
      (bytes.byteLength > (rule?.maxSizeBytes ?? MAX_OUTPUT_BYTES)
        ? tooLarge(output.name, rule?.maxSizeBytes ?? MAX_OUTPUT_BYTES)
        : undefined);
    if (refused !== undefined) {
      warnings.push(refused);
      continue;
    }
    kept += 1;
    if (known.has(mine)) continue;
    const { variable, content, ...told } = output;
    const isShown = mayShow(run.rule, "outputs", variable);
    written.push({
      ...told,
      // What a shadow run may not show, nobody is to see.
      content: run.rule.shadow && !isShown ? null : content,
      excerpt: isShown && !run.rule.shadow ? cutTo(content, MAX_EXCERPT_CHARS) : null,
      runId: run.id,
      ordinal: mine,
      size: bytes.byteLength,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    });
  }

  await saveOutputs(db, written);

  if (wanted !== undefined && kept === 0) throw nothingLeft(warnings, detail.outputs);
  if (kept === 0) warnings.push("the workflow returned no outputs");
  const outputTexts = toldOutputs(detail.outputs, outputsToldOf(run));
  desk.note({ outputTexts, ...(warnings.length > 0 ? addWarnings(desk.run, warnings) : {}) });
}

/** Texts and values as the files they become. */
const writtenOutputs = ({ texts, values }: SplitOutputs) => [
  ...texts.map(({ variable, name, text }) => ({
    variable,
    kind: "text" as const,
    name,
    mimeType: typeOf(name),
    // PostgreSQL text cannot hold NUL.
    content: text.replaceAll("\u0000", "\uFFFD"),
  })),
  ...values.map(({ variable, name, json }) => ({
    variable,
    kind: "json" as const,
    name,
    mimeType: "application/json",
    content: `${JSON.stringify(json, null, 2)}\n`,
  })),
];

/**
 * Opens output files; when a link has expired, the run's record is asked once whether it holds another one.
 * @throws {PermanentError} `output_expired` when it does not
 */
function openWithSecondLook(
  dify: CollectOutputsDeps["dify"],
  { run }: RunDesk,
  files: readonly DifyOutputFile[],
  wanted: readonly WantedOutput[] | undefined,
): Dify["openOutput"] {
  let looked: readonly DifyOutputFile[] | undefined;
  return async (file, signal) => {
    try {
      return await dify.openOutput(file, signal);
    } catch (error) {
      if (!(error instanceof PermanentError) || error.code !== "output_expired" || run.workflowRunId === null)
        throw error;
      looked ??= splitOutputs((await dify.readRun(run.workflowRunId, signal))?.outputs ?? {}, wanted).files;
      const again = looked[files.findIndex(({ name }) => name === file.name)];
      if (again === undefined || again.url === file.url) throw error;
      return await dify.openOutput({ ...file, url: again.url }, signal);
    }
  };
}

function refusedType(
  rule: WantedOutput | undefined,
  { name, mimeType }: { readonly name: string; readonly mimeType: string },
): string | undefined {
  if (rule === undefined || rule.takesType(mimeType)) return undefined;
  return `${name} was left behind: it is ${mimeType}, and the rule takes ${rule.types?.join(", ")} of ${rule.name}`;
}

const tooLarge = (name: string, maxBytes: number): string =>
  `${name} was left behind: it is larger than the ${maxBytes} bytes allowed`;

function nothingLeft(warnings: readonly string[], outputs: Readonly<Record<string, unknown>>): PermanentError {
  const there = Object.keys(outputs).join(", ") || "none";
  return new PermanentError(
    "output_missing",
    `nothing is left to deliver: ${warnings.join(", ")}; its outputs were: ${there}`,
    { nextAction: "compare deliver.outputs of the rule with the outputs of the workflow's End node, then replay" },
  );
}

function typeOf(name: string): string {
  const extension = name.slice(name.lastIndexOf(".") + 1).toLowerCase();
  return Object.entries(TEXT_TYPES).find(([known]) => known === extension)?.[1] ?? "text/plain";
}
