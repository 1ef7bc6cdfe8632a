import { cutTo } from "./cut-to.ts";
import { dateFormatFault, formatDate } from "./format-date.ts";
import { quote } from "./quote.ts";
import { suggest } from "./suggest.ts";

/** One step on a value's way into a text. Plain data, read once. */
export type Filter =
  | { readonly filter: "slug" | "json" }
  | { readonly filter: "date"; readonly format: string }
  | { readonly filter: "truncate"; readonly maxChars: number }
  | { readonly filter: "default"; readonly instead: string };

export type FilterReading =
  | { readonly kind: "filter"; readonly filter: Filter }
  | { readonly kind: "fault"; readonly message: string };

const MAX_TRUNCATE = 10_000;
const MAX_SLUG_CHARS = 100;

const FORMS = {
  slug: "slug",
  date: 'date "DD.MM.YYYY"',
  truncate: "truncate 80",
  default: 'default "unknown"',
  json: "json",
} as const;

const NAMES: readonly string[] = Object.keys(FORMS);
/** A name and at most one argument: a whole number, or text in quotes. */
const WRITTEN = /^\s*([^\s"']+)(?:\s+("[^"]*"|'[^']*'|\d{1,9}))?\s*$/;

/** Reads what stands after a `|`. */
export function readFilter(written: string): FilterReading {
  const found = WRITTEN.exec(written);
  const name = found?.[1] ?? written.trim().split(/\s/, 1).join("");
  const form = NAMES.includes(name) ? FORMS[name as keyof typeof FORMS] : undefined; // it is one of them
  if (form === undefined) {
    if (name === "") return fault(`has nothing after a "|"; filters are ${listed()}`);
    const near = suggest(name, NAMES);
    return fault(
      `uses the unknown filter ${quote(name)}${near ? ` (did you mean "${near}"?)` : ""}; filters are ${listed()}`,
    );
  }
  const argument = found?.[2];
  const text = argument !== undefined && /^["']/.test(argument) ? argument.slice(1, -1) : undefined;
  switch (name) {
    case "slug":
    case "json":
      return found && argument === undefined ? filter({ filter: name }) : misused(name, form);
    case "date": {
      if (text === undefined) return misused(name, form);
      const why = dateFormatFault(text);
      return why === undefined
        ? filter({ filter: name, format: text })
        : fault(`gives the filter "date" a format that ${why}`);
    }
    case "default":
      return text === undefined ? misused(name, form) : filter({ filter: name, instead: text });
    default: {
      const maxChars = Number(argument);
      const isFine = text === undefined && maxChars >= 1 && maxChars <= MAX_TRUNCATE;
      return isFine ? filter({ filter: "truncate", maxChars }) : misused(name, form);
    }
  }
}

/** @param value undefined: nobody knows it. @returns undefined: nobody knows it still */
export function applyFilter(step: Filter, value: string | undefined): string | undefined {
  switch (step.filter) {
    case "default":
      return value === undefined || value.trim() === "" ? step.instead : value;
    case "json":
      return value === undefined ? "null" : JSON.stringify(value);
    case "slug":
      return value === undefined ? undefined : slugOf(value);
    case "date":
      return value === undefined ? undefined : formatDate(value, step.format);
    case "truncate":
      return value === undefined ? undefined : cutTo(value, step.maxChars);
    default:
      return step satisfies never;
  }
}

/** Small letters and digits of any script, joined by hyphens; accents of Latin letters are left out. */
const slugOf = (text: string): string =>
  text
    .slice(0, MAX_TRUNCATE)
    .normalize("NFKD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .slice(0, MAX_SLUG_CHARS)
    .replace(/[\uD800-\uDBFF]$/, "")
    .replace(/^-+|-+$/g, "");

const listed = (): string => Object.values(FORMS).join(", ");
const filter = (read: Filter) => ({ kind: "filter", filter: read }) as const;
const fault = (message: string) => ({ kind: "fault", message }) as const;
const misused = (name: string, form: string) =>
  fault(`uses the filter ${quote(name)} wrongly; write it as in | ${form}`);
