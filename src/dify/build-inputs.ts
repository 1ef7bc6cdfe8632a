import { PermanentError } from "../errors.ts";
import { fileTypeFor } from "./file-type.ts";
import type { DifyFileInput, DifyFileType, DifyInput } from "./types.ts";

/** Stands in a rule's inputs for the file of the run, or for all files of its batch. */
export const THE_FILE: unique symbol = Symbol("the file of the run");

/** A rule's inputs with their templates filled in. */
export type GivenInputs = Readonly<Record<string, unknown>>;

export type InputFile = { readonly name: string; readonly mimeType?: string | undefined };

/** Where Dify finds the file's bytes: an upload of the same user, or a link it fetches by itself. */
export type FileSource = { readonly uploadId: string } | { readonly url: string };

/** Inputs that passed the checks and wait for the files' places only. */
export type PreparedInputs = {
  /** @param sources as many as there are files, in their order */
  readonly fill: (...sources: readonly FileSource[]) => Readonly<Record<string, unknown>>;
  /** Whether the variables that get the file take it as an upload, and as a link. */
  readonly byUpload: boolean;
  readonly byLink: boolean;
  /** Files that these variables take at a time. */
  readonly mostFiles: number;
};

/**
 * Checks a rule's inputs against the app's variables before anything is uploaded. Dify itself drops unknown names
 * silently and reports the rest only when the run starts, in newer versions inside the stream.
 *
 * @throws {PermanentError} `dify_input_invalid`, naming every fault
 */
export function prepareInputs(
  declared: readonly DifyInput[],
  given: GivenInputs,
  ...files: readonly InputFile[]
): PreparedInputs {
  const faults: string[] = [];
  const makers = new Map<string, Make>();
  const byName = new Map(declared.map((input) => [input.variable, input]));

  for (const name of Object.keys(given)) {
    if (!byName.has(name)) faults.push(`${name} is not an input of the app (it has ${list(byName.keys())})`);
  }
  for (const input of declared) {
    const value = Object.hasOwn(given, input.variable) ? given[input.variable] : undefined;
    const made = makeInput(input, value, files);
    if ("fault" in made) faults.push(made.fault);
    else if (made.make !== undefined) makers.set(input.variable, made.make);
  }
  if (faults.length > 0) {
    throw new PermanentError("dify_input_invalid", faults.join("; "), {
      nextAction: "Compare the rule's inputs with the variables of the app's Start node.",
    });
  }
  const takers = declared.filter(({ variable }) => [given[variable]].flat().includes(THE_FILE));
  const takesBy = (method: string): boolean =>
    takers.every(({ allowedUploadMethods: methods = [] }) => methods.length === 0 || methods.includes(method));
  return {
    fill: (...sources) => Object.fromEntries([...makers].map(([name, make]) => [name, make(sources)])),
    byUpload: takesBy("local_file"),
    byLink: takesBy("remote_url"),
    mostFiles: mostFilesOf(takers),
  };
}

/** How many files an app is given at a time: one where a variable takes no list. */
export const mostFilesOf = (takers: readonly DifyInput[]): number =>
  Math.max(1, Math.min(...takers.map((input) => (input.type === "file" ? 1 : mostFilesIn(input)))));

/** 0 is no limit, as with texts. */
const mostFilesIn = ({ maxLength }: DifyInput): number => maxLength || Number.POSITIVE_INFINITY;

type Make = (sources: readonly FileSource[]) => unknown;
type Made = { readonly fault: string } | { readonly make: Make | undefined };

const ok = (value: unknown): Made => ({ make: () => value });
const UNSET: Made = { make: undefined };

function makeInput(input: DifyInput, value: unknown, files: readonly InputFile[]): Made {
  const { variable, type, required } = input;
  const isFile = type === "file" || type === "file-list";
  const blank = value === undefined || value === null || (value === "" && (isFile || !isText(type)));
  if (blank) return required ? { fault: `${variable} is required and has no value` } : UNSET;
  if (isFile) return makeFile(input, value, files);
  if (value === THE_FILE) return { fault: `${variable} takes ${type}, not a file` };
  switch (type) {
    case "text-input":
    case "paragraph":
    case "select":
      return makeText(input, value);
    case "number":
      return makeNumber(variable, value);
    case "checkbox":
      return makeCheckbox(variable, value);
    case "json_object":
      return makeObject(variable, value);
    default:
      // A type of a later Dify: let Dify judge.
      return ok(value);
  }
}

const isText = (type: string): boolean => type === "text-input" || type === "paragraph";

function makeFile(input: DifyInput, value: unknown, files: readonly InputFile[]): Made {
  const { variable, type, maxLength } = input;
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!items.every((item) => item === THE_FILE)) return { fault: `${variable} takes the file, not a text or value` };
  const count = items.length * files.length;
  if (type === "file" && count !== 1) return { fault: `${variable} takes one file, not a list` };
  if (type === "file-list" && count > mostFilesIn(input)) {
    return { fault: `${variable} takes ${maxLength} files at most` };
  }
  try {
    const fileTypes = files.map((file) => fileTypeFor(input, file));
    const one = (source: FileSource, index: number): DifyFileInput => {
      const fileType = fileTypes[index] ?? "custom";
      return "uploadId" in source
        ? { type: fileType, transfer_method: "local_file", upload_file_id: source.uploadId }
        : { ...kindOfLink(fileType), transfer_method: "remote_url", url: source.url };
    };
    // A list for a `file` variable is refused, and so is a lone object for a `file-list`.
    return { make: (sources) => (type === "file" ? sources.map(one)[0] : items.flatMap(() => sources.map(one))) };
  } catch (error) {
    if (error instanceof PermanentError) return { fault: error.message };
    throw error;
  }
}

/**
 * A link without a kind is taken for its extension, as `custom` is meant. Where it says so, versions up to 1.14 refuse
 * what they know as a document, a picture and so on (langgenius/dify#26346); uploads they refuse without it, too.
 */
const kindOfLink = (type: DifyFileType): { readonly type?: DifyFileType } => (type === "custom" ? {} : { type });

function makeText({ variable, type, maxLength, options }: DifyInput, value: unknown): Made {
  if (typeof value === "object" || typeof value === "symbol") return { fault: `${variable} takes a text` };
  const text = String(value);
  // Dify counts characters as Python does: by code point.
  if (maxLength !== undefined && maxLength > 0 && isText(type) && [...text].length > maxLength) {
    return { fault: `${variable} takes ${maxLength} characters at most and got ${[...text].length}` };
  }
  if (type === "select" && options !== undefined && !options.includes(text)) {
    return { fault: `${variable} takes one of ${list(options)}` };
  }
  return ok(text);
}

/** As people write numbers; JavaScript would take `0x10` and the like as well. */
const WRITTEN_NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function makeNumber(variable: string, value: unknown): Made {
  const written = typeof value === "string" ? value.trim() : "";
  const number = WRITTEN_NUMBER.test(written) ? Number(written) : value;
  if (typeof number !== "number" || !Number.isFinite(number)) return { fault: `${variable} takes a number` };
  // Dify reads digits too, and all of them; a number here would lose the last ones.
  return ok(/^[+-]?\d+$/.test(written) && !Number.isSafeInteger(number) ? written : number);
}

function makeCheckbox(variable: string, value: unknown): Made {
  if (typeof value === "boolean") return ok(value);
  const word = String(value).trim().toLowerCase();
  if (["true", "1", "yes", "on"].includes(word)) return ok(true);
  if (["false", "0", "no", "off"].includes(word)) return ok(false);
  return { fault: `${variable} takes true or false` };
}

function makeObject(variable: string, value: unknown): Made {
  const fault = { fault: `${variable} takes a JSON object` };
  try {
    const parsed: unknown = typeof value === "string" ? JSON.parse(value) : value;
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? ok(parsed) : fault;
  } catch {
    return fault;
  }
}

const list = (names: Iterable<string>): string => [...names].join(", ") || "none";
