import type { DifyInput } from "./types.ts";

export type FileInputFound =
  | { readonly kind: "one"; readonly input: DifyInput }
  | { readonly kind: "none" }
  /** More than one could be meant: the rule must say which. */
  | { readonly kind: "several"; readonly variables: readonly string[] };

/** The variable of an app that the file goes into when the rule names none: the only one, or the only required one. */
export function findFileInput(inputs: readonly DifyInput[]): FileInputFound {
  const files = inputs.filter(({ type }) => type === "file" || type === "file-list");
  const required = files.filter((input) => input.required);
  const [only, second] = required.length === 1 ? required : files;
  if (only === undefined) return { kind: "none" };
  if (second === undefined) return { kind: "one", input: only };
  return { kind: "several", variables: files.map(({ variable }) => variable) };
}
