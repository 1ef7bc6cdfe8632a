import { z } from "zod";
import { type GlobOptions, parseGlob } from "./glob.ts";
import { hasSecret, quote } from "./quote.ts";
import { suggest } from "./suggest.ts";
import { compileTemplate } from "./template.ts";
import type { TemplateName } from "./template-names.ts";
import { DURATION_PATTERN, parseDuration, parseSize, SIZE_PATTERN } from "./units.ts";

/** Compared as Fast.io file names usually are: `*.pdf` wants `REPORT.PDF` too. */
export const NAME_GLOB: GlobOptions = { shape: "name", ignoreCase: true };
export const MIME_GLOB: GlobOptions = { shape: "name", ignoreCase: true };
/** Fast.io lets `/inbox` and `/Inbox` lie side by side, so paths are compared letter for letter. */
export const PATH_GLOB: GlobOptions = { shape: "path", ignoreCase: false };

/** Entries of one list in a rule. */
const MAX_ENTRIES = 100;

/** Marks for the JSON Schema: a list that may stand without its brackets, a map that may be nothing but a name. */
export const OR_ONE = { orOne: true } as const;
export const OR_NAME = { orName: true } as const;

/** Text with something in it. */
export const text = z
  .string()
  .meta({ pattern: "\\S" })
  .refine((value) => value.trim() !== "", { error: "is blank", abort: true });

/** A pattern that can be read, or the fault that is in it. */
export const glob = (options: GlobOptions) =>
  text.superRefine((value, context) => {
    const read = parseGlob(value, options);
    if (read.kind === "fault") context.addIssue({ code: "custom", message: `${quote(value)} ${read.message}` });
  });

/** Types of files, such as `image/*`. */
export const mimeGlob = glob(MIME_GLOB).refine((value) => value.includes("/"), 'must look like "application/pdf"');

/** A template that can be filled in. @param names what may stand in its braces */
export const template = (names: readonly TemplateName[]) =>
  text.superRefine((value, context) => {
    const read = compileTemplate(value, names);
    if (read.kind === "fault") context.addIssue({ code: "custom", message: read.message });
  });

/**
 * One of a few words.
 *
 * @param hints what to say of words that are wrong for a known reason
 */
export function word<const Word extends string>(words: readonly Word[], hints: Readonly<Record<string, string>> = {}) {
  return z
    .string()
    .meta({ enum: words })
    .transform((value, context): Word => {
      const known = words.find((candidate) => candidate === value);
      if (known !== undefined) return known;
      const near = suggest(value, words);
      const guess = near === undefined ? "" : `; did you mean "${near}"?`;
      const why = Object.hasOwn(hints, value) ? hints[value] : `is not one of ${words.join(", ")}${guess}`;
      context.addIssue({ code: "custom", message: `${quote(value)} ${why}` });
      return z.NEVER;
    });
}

/** A list; one entry may stand without its brackets. */
export const oneOrMore = <Entry extends z.ZodType>(entry: Entry) =>
  z.preprocess(
    (value) => (typeof value === "string" ? [value] : value),
    z.array(entry).min(1, "is an empty list").max(MAX_ENTRIES, `has more than ${MAX_ENTRIES} entries`).meta(OR_ONE),
  );

/** A list that may be empty. */
export const anyNumber = <Entry extends z.ZodType>(entry: Entry) =>
  z.preprocess(
    (value) => (typeof value === "string" ? [value] : value),
    z.array(entry).max(MAX_ENTRIES, `has more than ${MAX_ENTRIES} entries`).meta(OR_ONE),
  );

const SIZE_FORM = 'must be a size such as "15MB" or "1GiB", or a whole number of bytes';

/** @returns bytes */
export const size = z
  .union([z.string().meta({ pattern: SIZE_PATTERN }), z.number()], SIZE_FORM)
  .transform((value, context) => {
    const bytes = parseSize(value);
    if (bytes !== undefined) return bytes;
    context.addIssue({ code: "custom", message: SIZE_FORM });
    return z.NEVER;
  });

const DURATION_FORM = 'must be a time such as "90s", "20m" or "2h"';

/** @returns milliseconds */
export const duration = (minMs: number, maxMs: number, range: string) =>
  z
    .string(DURATION_FORM)
    .meta({ pattern: DURATION_PATTERN })
    .transform((value, context) => {
      const ms = parseDuration(value);
      if (ms !== undefined && ms >= minMs && ms <= maxMs) return ms;
      context.addIssue({ code: "custom", message: ms === undefined ? DURATION_FORM : `must be ${range}` });
      return z.NEVER;
    });

/** How a rule is called: on pages, in logs and in other rules. */
export const RULE_NAME = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be 1 to 63 small letters, digits and hyphens, and not start with a hyphen");

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** Stricter where the secret itself could pass for a name, as a password does. */
export const CAPITAL_VARIABLE = /^[A-Z][A-Z0-9_]{0,127}$/;

/**
 * The name of an environment variable that holds something secret. A value that looks like the secret itself is refused
 * and never repeated.
 *
 * @param holds what the variable holds, in words
 */
export const variableName = (holds: string, example: string, form = VARIABLE) =>
  z
    .string()
    .meta({ pattern: form.source })
    .superRefine((value, context) => {
      if (form.test(value) && !hasSecret(value)) return;
      const isKey = hasSecret(value) || /^(app|sk|dataset)-/i.test(value);
      const message = isKey
        ? `looks like a ${holds} itself; put the ${holds} into an environment variable and write that variable's name here, such as ${example}`
        : `must be the name of an environment variable${form === VARIABLE ? "" : " in capitals"}, such as ${example}`;
      context.addIssue({ code: "custom", message });
    });

/** The variable with the key of a Dify app. */
export const KeyVariableSchema = variableName("key", "DIFY_API_KEY");
