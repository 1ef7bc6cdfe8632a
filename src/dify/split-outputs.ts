import { findOutputFiles, withoutFiles } from "./find-output-files.ts";
import { safeFileName, uniqueNames } from "./safe-file-name.ts";
import type { DifyOutputFile } from "./types.ts";

/** What a run gave, sorted by how it is handed on. All names are safe, carry an extension and differ from each other. */
export type SplitOutputs = {
  readonly files: readonly DifyOutputFile[];
  readonly texts: readonly { readonly variable: string; readonly name: string; readonly text: string }[];
  readonly values: readonly { readonly variable: string; readonly name: string; readonly json: unknown }[];
};

/** Signs of Markdown at the beginning of a line, or a link or emphasis within one. */
const MARKDOWN = /^(#{1,6} |[-*+] |\d+\. |> |\||```)|\[[^\]\n]+\]\([^)\n]+\)|\*\*[^*\n]+\*\*/m;

/**
 * Sorts outputs into files, texts (`.md` or `.txt`) and other JSON values (`.json`).
 * Null, empty strings and what held nothing but files are left out.
 */
export function splitOutputs(outputs: Readonly<Record<string, unknown>>): SplitOutputs {
  const files = findOutputFiles(outputs);
  const rest = Object.entries(outputs)
    .map(([variable, value]) => ({ variable, value: withoutFiles(value) }))
    .filter(({ value }) => value !== undefined && value !== null && value !== "");

  const wished = [
    ...files.map(({ name }) => safeFileName(name)),
    ...rest.map(({ variable, value }) => safeFileName(`${variable || "output"}${extensionFor(value)}`)),
  ];
  const names = uniqueNames(wished);
  const named = rest.map((output, index) => ({ ...output, name: names[files.length + index] ?? "" }));
  return {
    files: files.map((file, index) => ({ ...file, name: names[index] ?? file.name })),
    texts: named.flatMap(({ variable, name, value }) =>
      typeof value === "string" ? [{ variable, name, text: value }] : [],
    ),
    values: named.flatMap(({ variable, name, value }) =>
      typeof value === "string" ? [] : [{ variable, name, json: value }],
    ),
  };
}

const extensionFor = (value: unknown): string =>
  typeof value !== "string" ? ".json" : MARKDOWN.test(value) ? ".md" : ".txt";
