import type { z } from "zod";
import { issueWords, TYPE_WORDS } from "../text/issue-words.ts";
import { quote } from "./quote.ts";
import { KEYS } from "./schema.ts";
import { suggest } from "./suggest.ts";
import { valueAt } from "./value-at.ts";

/** One complaint of the schema, in the words of somebody who writes YAML and not TypeScript. */
export type Complaint = {
  /** From the rule down. */
  readonly path: readonly PropertyKey[];
  /** Set when the complaint is about a key of the map at `path`. */
  readonly key?: string;
  readonly message: string;
};

/**
 * @param checked what the file has of what was checked; the issue's path leads on from there
 * @param top the section that the path starts from
 */
export function describeIssue(issue: z.core.$ZodIssue, checked: unknown, top = "rule"): Complaint[] {
  const { path } = issue;
  const value = valueAt(checked, path);
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ path, key, message: unknownKey(sectionOf(path, top), key) }));
  if (issue.code === "invalid_key")
    return [
      {
        path: path.slice(0, -1),
        key: String(path.at(-1)),
        message: "is no name of a Dify variable: letters, digits and _ only, not starting with a digit",
      },
    ];
  if (value === undefined) return [{ path, message: "is missing" }];
  if (value === null) return [{ path, message: "is empty; give a value or remove the line" }];
  // Messages of our own schemas say more than the type does; those of the library begin like this.
  if (issue.code === "invalid_type" && issue.message.startsWith("Invalid"))
    return [{ path, message: wrongType(issue.expected, value) }];
  return [{ path, message: issueWords(issue) }];
}

function unknownKey(section: string | undefined, key: string): string {
  const known = (section !== undefined && KEYS[section]) || [];
  const near = suggest(key, known);
  if (near !== undefined) return `unknown key ${quote(key)}; did you mean "${near}"?`;
  const elsewhere = Object.keys(KEYS).find((other) => KEYS[other]?.includes(key));
  if (elsewhere === "file") return `unknown key ${quote(key)} here; it stands at the top of the file`;
  if (elsewhere !== undefined && elsewhere !== "rule")
    return `unknown key ${quote(key)} here; it belongs under "${elsewhere}"`;
  return `unknown key ${quote(key)}; there are ${known.join(", ")}`;
}

/** Which part of a rule a path leads to; places in a list belong to the list. */
const sectionOf = (path: readonly PropertyKey[], top: string): string | undefined =>
  path.length === 0
    ? top
    : Object.keys(KEYS).find((section) => section === path.findLast((key) => typeof key === "string"));

function wrongType(expected: string, value: unknown): string {
  const is = TYPE_WORDS[Array.isArray(value) ? "array" : typeof value] ?? "something else";
  const bare = expected === "string" && (typeof value === "number" || typeof value === "boolean");
  const rounded = typeof value === "number" && !Number.isSafeInteger(value) ? ", or YAML rounds it" : "";
  const quotes = bare ? `; put it in quotes${rounded}` : "";
  return `must be ${TYPE_WORDS[expected] ?? expected}, not ${is}${quotes}`;
}
