import { findOutputFiles, withoutFiles } from "./find-output-files.ts";
import { safeFileName, uniqueNames } from "./safe-file-name.ts";
import type { DifyOutputFile } from "./types.ts";

/** An output somebody asked for by name, and the name of the file it is to become. */
export type WantedOutput = { readonly name: string; readonly as?: string | undefined };

/** What a run gave, sorted by how it is handed on. All names are safe, carry an extension and differ from each other. */
export type SplitOutputs = {
  readonly files: readonly (DifyOutputFile & { readonly variable: string })[];
  readonly texts: readonly { readonly variable: string; readonly name: string; readonly text: string }[];
  readonly values: readonly { readonly variable: string; readonly name: string; readonly json: unknown }[];
  /** Outputs that were asked for and are not there, or are empty. */
  readonly missing: readonly string[];
};

/**
 * Signs of Markdown at the beginning of a line, or a link or emphasis within one. No part of a link holds a `[`, so that
 * each character is looked at for one link alone: a hundred thousand brackets kept the event loop for eight seconds.
 */
const MARKDOWN = /^(#{1,6} |[-*+] |\d+\. |> |\||```)|\[[^[\]\n]+\]\([^[)\n]+\)|\*\*[^*\n]+\*\*/m;

/**
 * Sorts outputs into files, texts (`.md` or `.txt`) and other JSON values (`.json`).
 * Null, empty strings and what held nothing but files are left out.
 *
 * @param wanted only these, in this order; all when it is undefined
 */
export function splitOutputs(
  outputs: Readonly<Record<string, unknown>>,
  wanted?: readonly WantedOutput[],
): SplitOutputs {
  const chosen = wanted ?? Object.keys(outputs).map((name) => ({ name, as: undefined }));
  const entries = chosen.map(({ name, as }) => ({
    variable: name,
    as,
    value: Object.hasOwn(outputs, name) ? outputs[name] : undefined,
  }));

  const files = findFiles(entries);
  const rest = entries
    .map((entry) => ({ ...entry, value: withoutFiles(entry.value) }))
    .filter(({ value }) => value !== undefined && value !== null && value !== "");
  const names = uniqueNames([
    ...files.map(({ file, as }) => safeFileName(as ?? file.name)),
    ...rest.map(({ variable, as, value }) => safeFileName(as ?? `${variable || "output"}${extensionFor(value)}`)),
  ]);
  const named = rest.map((output, index) => ({ ...output, name: names[files.length + index] ?? "" }));
  const there = new Set([...files, ...rest].map(({ variable }) => variable));
  return {
    files: files.map(({ variable, file }, index) => ({ ...file, variable, name: names[index] ?? file.name })),
    texts: named.flatMap(({ variable, name, value }) =>
      typeof value === "string" ? [{ variable, name, text: value }] : [],
    ),
    values: named.flatMap(({ variable, name, value }) =>
      typeof value === "string" ? [] : [{ variable, name, json: value }],
    ),
    missing: (wanted ?? []).map(({ name }) => name).filter((name) => !there.has(name)),
  };
}

type Entry = { readonly variable: string; readonly as: string | undefined; readonly value: unknown };

/** A file that two outputs share belongs to the first. */
function findFiles(entries: readonly Entry[]) {
  const urls = new Set<string>();
  return entries.flatMap(({ variable, as, value }) =>
    findOutputFiles({ [variable]: value }).flatMap((file) => {
      if (file.url !== "" && urls.has(file.url)) return [];
      urls.add(file.url);
      return [{ variable, as, file }];
    }),
  );
}

const extensionFor = (value: unknown): string =>
  typeof value !== "string" ? ".json" : MARKDOWN.test(value) ? ".md" : ".txt";
