import type { z } from "zod";
import { orList } from "./or-list.ts";

/** What a value must be, by zod's name of its type. */
export const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map of keys and values",
  record: "a map of keys and values",
};

/** How zod's own words begin. Those of our schemas say more, and are kept. */
const ZODS = /^(Invalid|Too (big|small)|Unrecognized)\b/;

/** What zod says of a value that is not there; the value itself it does not tell. */
const IS_MISSING = /\breceived undefined$/;

/** What a schema has against a value, in words for who wrote the value; of the value itself, nothing. */
export function issueWords(issue: z.core.$ZodIssue): string {
  if (!ZODS.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return `${IS_MISSING.test(issue.message) ? "is missing; " : ""}must be ${TYPE_WORDS[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${orList(issue.values.map(String))}`;
    case "too_small":
      return issue.inclusive === false
        ? `must be more than ${issue.minimum}`
        : bound(issue.origin, `${issue.minimum}`, "or more");
    case "too_big":
      return issue.inclusive === false
        ? `must be less than ${issue.maximum}`
        : bound(issue.origin, `${issue.maximum}`, "or less");
    default:
      return issue.message.replace(/^Invalid input: /, "");
  }
}

/** What has a length is bounded by it. */
function bound(origin: string, limit: string, side: "or more" | "or less"): string {
  if (origin === "string") return `must have ${limit} characters ${side}`;
  return origin === "array" ? `must have ${limit} entries ${side}` : `must be ${limit} ${side}`;
}
