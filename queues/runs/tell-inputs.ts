import type { SentInput } from "../../src/ledger/sent-inputs.ts";
import { cutTo } from "../../src/rules/cut-to.ts";
import type { Rule } from "../../src/rules/rule.ts";
import { mayShow } from "../../src/rules/show.ts";
import { storableText } from "../../src/text/storable-text.ts";

const MAX_INPUTS = 50;
const MAX_VALUE_CHARS = 500;
/** What is looked at of a value: an address may be long, and is told without its query. */
const MAX_READ_CHARS = 4 * MAX_VALUE_CHARS;

/**
 * What a workflow is given, as the ledger keeps it for the run's page: names and sizes, and of values the beginning
 * where the rule lets them be shown. Files are told to be there; where they lie in Dify, and links to them, are not.
 * @param inputs as they are sent to Dify
 */
export const tellInputs = (
  inputs: Readonly<Record<string, unknown>>,
  rule: Pick<Rule, "show" | "shadow">,
): readonly SentInput[] =>
  Object.entries(inputs)
    .slice(0, MAX_INPUTS)
    .map(([name, value]) => tell(name, value, mayShow(rule, "inputs", name)));

function tell(name: string, value: unknown, isShown: boolean): SentInput {
  const files = [value].flat();
  const first = files[0];
  if (isFile(first) && files.every(isFile)) {
    const by = first.transfer_method === "remote_url" ? "link" : "upload";
    return { name, kind: Array.isArray(value) ? "files" : "file", size: null, value: null, by };
  }
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return {
    name,
    kind: kindOf(value),
    size: Buffer.byteLength(text, "utf8"),
    value: isShown ? cutTo(storableText(withoutKeys(cutTo(text, MAX_READ_CHARS))), MAX_VALUE_CHARS) : null,
  };
}

function kindOf(value: unknown): SentInput["kind"] {
  if (typeof value === "string") return "text";
  return typeof value === "number" ? "number" : typeof value === "boolean" ? "boolean" : "json";
}

/** A file in Dify's words. */
const isFile = (value: unknown): value is { readonly transfer_method: string } =>
  typeof value === "object" && value !== null && "transfer_method" in value;

/** Addresses without what may open them: users with passwords, and queries, in which signatures stand. */
const withoutKeys = (text: string): string =>
  text.replace(/(\bhttps?:\/\/)[^\s/@"'<>]*@/gi, "$1…@").replace(/(\bhttps?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, "$1?…");
