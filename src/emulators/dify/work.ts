import { createHash } from "node:crypto";
import { type CsvStats, cleanCsv } from "./csv.ts";

/** A file that a run was given. The extension has its dot, the size is in bytes. */
export type WorkFile = {
  readonly name: string;
  readonly extension: string;
  readonly mimeType: string;
  readonly type: string;
  /** Opens the bytes anew each time. */
  readonly open: () => AsyncIterable<Uint8Array>;
};

/** What a person said to the form of a run. */
export type FormAnswer = { readonly action: string; readonly inputs: Readonly<Record<string, unknown>> };

export type WorkContext = {
  /** The declared inputs as the workflow sees them. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly files: readonly WorkFile[];
  /** What a person said to its form, or that nobody did; undefined where nobody was asked. */
  readonly answer: FormAnswer | "none" | undefined;
  /** Stores an output file and gives the object that stands for it in `outputs`. */
  readonly makeFile: (file: {
    name: string;
    mimeType: string;
    content: AsyncIterable<string | Uint8Array>;
  }) => Promise<object>;
  /** Streams a piece of text, as a node with a model does while it works. */
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
};

/** What the work node of a workflow does: outputs by name. A throw fails the node with its message. */
export type Work = (context: WorkContext) => Promise<Record<string, unknown>>;

/** Lines of a text shown in a report, and characters of one of them. */
const PREVIEW_LINES = 5;
const PREVIEW_CHARACTERS = 200;
/** Tab, line feed, form feed, carriage return: what a text may hold below the space. */
const TEXT_CONTROLS = [9, 10, 12, 13];

/** Cleans each table it is given, and reports on every file in one text. Of several tables each keeps its name. */
export const documentWork: Work = async (context) => {
  const outputs: Record<string, unknown> = {};
  const reports: string[] = [];
  const stats: object[] = [];
  for (const [index, file] of context.files.entries()) {
    const done = isCsv(file) ? await cleanTable(file, context) : await describeFile(file);
    reports.push(done.report);
    stats.push(done.stats);
    // The first table keeps the plain name, which is all there is for apps with one file.
    if (done.clean !== undefined) outputs["clean" in outputs ? `clean_${index + 1}` : "clean"] = done.clean;
  }
  outputs["report"] = reports.length > 0 ? reports.join("\n") : describeInputs(context.inputs);
  outputs["stats"] = stats.length > 1 ? { files: stats } : (stats[0] ?? {});
  return outputs;
};

function isCsv({ extension, mimeType }: WorkFile): boolean {
  return extension.toLowerCase() === ".csv" || mimeType.split(";", 1)[0]?.trim() === "text/csv";
}

async function* decode(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

type Done = { report: string; stats: object; clean?: object };

async function cleanTable(file: WorkFile, { files, makeFile, signal }: WorkContext): Promise<Done> {
  const found: CsvStats = {
    columns: [],
    delimiter: ",",
    rowsRead: 0,
    rowsKept: 0,
    droppedEmpty: 0,
    droppedDuplicates: 0,
  };
  const measured = measure(file.open(), signal);
  const clean = await makeFile({
    name: files.length > 1 ? `${file.name.slice(0, -file.extension.length || undefined)}.cleaned.csv` : "cleaned.csv",
    mimeType: "text/csv",
    content: cleanCsv(decode(measured.bytes), found),
  });
  const { size, sha256 } = measured.result();
  const report = [
    `# Cleaned: ${file.name}`,
    "",
    `- Rows read: ${found.rowsRead}`,
    `- Rows kept: ${found.rowsKept}`,
    `- Dropped as empty: ${found.droppedEmpty}`,
    `- Dropped as duplicates: ${found.droppedDuplicates}`,
    `- Columns (${found.columns.length}): ${found.columns.join(", ")}`,
    "",
    "Cells were trimmed and quoted anew.",
    "",
  ].join("\n");
  const stats = {
    name: file.name,
    size,
    sha256,
    rows_read: found.rowsRead,
    rows_kept: found.rowsKept,
    dropped_empty: found.droppedEmpty,
    dropped_duplicates: found.droppedDuplicates,
    columns: found.columns,
  };
  return { report, stats, clean };
}

async function describeFile(file: WorkFile): Promise<Done> {
  const measured = measure(file.open());
  const head: Buffer[] = [];
  let kept = 0;
  for await (const chunk of measured.bytes) {
    if (kept >= PREVIEW_LINES * PREVIEW_CHARACTERS * 4) continue;
    head.push(Buffer.from(chunk));
    kept += chunk.length;
  }
  const { size, sha256 } = measured.result();
  const lines = firstLines(Buffer.concat(head).subarray(0, PREVIEW_LINES * PREVIEW_CHARACTERS * 4));
  const report = [
    `# File: ${file.name}`,
    "",
    `- Type: ${file.type} (${file.mimeType})`,
    `- Size: ${size} bytes`,
    `- SHA-256: ${sha256}`,
    ...(lines === undefined ? [] : ["", "First lines:", "", ...lines.map((line) => `> ${line}`)]),
    "",
  ].join("\n");
  const stats = { name: file.name, type: file.type, mime_type: file.mimeType, size, sha256, text: lines !== undefined };
  return { report, stats };
}

/** Counts and hashes what passes; the result is there once all of it has. */
function measure(source: AsyncIterable<Uint8Array>, signal?: AbortSignal) {
  const hash = createHash("sha256");
  let size = 0;
  async function* pass() {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  return { bytes: pass(), result: () => ({ size, sha256: hash.digest("hex") }) };
}

/** The beginning of a text; undefined when the bytes are no text. */
function firstLines(head: Buffer): string[] | undefined {
  if (head.length === 0 || head.some((byte) => byte < 32 && !TEXT_CONTROLS.includes(byte))) return undefined;
  // Invalid anywhere but at the cut means that this is no UTF-8.
  const text = new TextDecoder().decode(head, { stream: true });
  if (text.includes("\ufffd")) return undefined;
  return text
    .split(/\r?\n/)
    .slice(0, PREVIEW_LINES)
    .map((line) => line.slice(0, PREVIEW_CHARACTERS));
}

function describeInputs(inputs: Readonly<Record<string, unknown>>): string {
  const lines = Object.entries(inputs).map(([name, value]) => `- ${name}: ${JSON.stringify(value)}`);
  return ["# Inputs", "", ...lines, ""].join("\n");
}
