import { quote } from "./quote.ts";
import { suggest } from "./suggest.ts";
import { applyFilter, type Filter, readFilter } from "./template-filters.ts";
import {
  FAMILIES,
  type Family,
  isFamily,
  isFileName,
  isPlain,
  type PlainName,
  type TemplateName,
  templateNames,
} from "./template-names.ts";

/** A name between braces, read. */
export type Placeholder = {
  readonly name: TemplateName;
  /** Which value of which family; undefined for plain names. */
  readonly of?: { readonly family: Family; readonly key: string };
  readonly filters: readonly Filter[];
};

/** A template read once. Plain data: text as it stands, and names to be filled in. */
export type CompiledTemplate =
  | { readonly kind: "file" }
  | { readonly kind: "text"; readonly parts: readonly (string | Placeholder)[] };

export type TemplateResult =
  | { readonly kind: "template"; readonly template: CompiledTemplate }
  | { readonly kind: "fault"; readonly message: string };

/** The values of one run; undefined where nobody knows. Made by `templateValues`. */
export type TemplateValues = Readonly<Record<PlainName, string | undefined>> &
  Readonly<Record<Family, Readonly<Record<string, string>>>> & {
    /** `date` and `time` in one, as ISO 8601: what the filter `date` gets to see of either. */
    readonly moment: string;
  };

export type Rendered =
  /** The place of the file, or of all files of a batch: the caller puts their uploads here. */
  | { readonly kind: "file" }
  /** `unknown`: names that had no value and left nothing behind. */
  | { readonly kind: "text"; readonly text: string; readonly unknown: readonly string[] };

const MAX_TEMPLATE_CHARS = 4_000;
const MAX_FILTERS = 10;
const SPACED_NAME = /^\s*([^\s]+)\s*$/;
/** As Dify's variables are called, and the answers of a rule. */
const KEY = /^[A-Za-z_][A-Za-z0-9_]{0,99}$/;

/** Reads a template. Names outside the allowed ones, and anything but a name and filters between braces, are faults. */
export function compileTemplate(text: string, allowedNames: readonly TemplateName[]): TemplateResult {
  if (text.length > MAX_TEMPLATE_CHARS) return fault(`is longer than ${MAX_TEMPLATE_CHARS} characters`);
  const parts: (string | Placeholder)[] = [];
  for (const piece of piecesOf(text)) {
    if (piece.kind === "text") parts.push(piece.text);
    else if (piece.kind === "open") return fault('has a "{{" without "}}"');
    else {
      const read = readPlaceholder(piece.inside, allowedNames);
      if (read.kind === "fault") return read;
      parts.push(read.placeholder);
    }
  }
  const file = parts.find((part) => typeof part !== "string" && isFileName(part.name));
  if (typeof file !== "object") return { kind: "template", template: { kind: "text", parts } };
  const written = `"{{ ${file.name} }}"`;
  if (file.filters.length > 0) return fault(`puts a filter behind ${written}, which is no text`);
  if (parts.length === 1) return { kind: "template", template: { kind: "file" } };
  return fault(
    file.name === "file"
      ? `mixes ${written} with other text: the file itself must be the whole value; its name is "{{ file.name }}"`
      : `mixes ${written} with other text: the files must be the whole value; their number is "{{ files.count }}"`,
  );
}

/** Fills a template in. Values are put in as they are: braces inside them mean nothing. Never throws. */
export function renderTemplate(template: CompiledTemplate, values: TemplateValues): Rendered {
  if (template.kind === "file") return template;
  const unknown: string[] = [];
  const texts = template.parts.map((part) => {
    if (typeof part === "string") return part;
    const value = part.filters.reduce((so, step) => applyFilter(step, so), findValue(part, values));
    if (value === undefined) unknown.push(shownName(part));
    return value ?? "";
  });
  return { kind: "text", text: texts.join(""), unknown };
}

/** Fills in a template of a place where only text can stand; unknown values leave nothing behind. */
export function renderText(template: CompiledTemplate, values: TemplateValues): string {
  const rendered = renderTemplate(template, values);
  return rendered.kind === "text" ? rendered.text : "";
}

/** The folders of a path template, each a template of its own: a "/" between braces is none of the path's. */
export function foldersOf(path: string): readonly string[] {
  const folders = [""];
  for (const piece of piecesOf(path)) {
    const [first = "", ...rest] = piece.kind === "text" ? piece.text.split("/") : [`{{${piece.inside}}}`];
    folders.push(`${folders.pop() ?? ""}${first}`, ...rest);
  }
  return folders;
}

/** A name as people write it. */
const shownName = ({ name, of }: Placeholder): string => (of ? `${of.family}.${of.key}` : name);

function findValue({ name, of, filters }: Placeholder, values: TemplateValues): string | undefined {
  if (of) return Object.hasOwn(values[of.family], of.key) ? values[of.family][of.key] : undefined;
  if (filters[0]?.filter === "date" && (name === "date" || name === "time")) return values.moment;
  return isPlain(name) && Object.hasOwn(values, name) ? values[name] : undefined;
}

type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "braces"; readonly inside: string }
  /** Braces that never close. */
  | { readonly kind: "open"; readonly inside: string };

function* piecesOf(text: string): Generator<Piece> {
  let done = 0;
  for (let open = text.indexOf("{{"); open !== -1; open = text.indexOf("{{", done)) {
    if (open > done) yield { kind: "text", text: text.slice(done, open) };
    const close = closeOf(text, open + 2);
    if (close === -1) {
      yield { kind: "open", inside: text.slice(open + 2) };
      return;
    }
    yield { kind: "braces", inside: text.slice(open + 2, close) };
    done = close + 2;
  }
  if (done < text.length) yield { kind: "text", text: text.slice(done) };
}

/** Where the braces close: not inside of quotes, unless those never end. */
function closeOf(text: string, from: number): number {
  const closed = /^(?:"[^"]*"|'[^']*'|[^"'}]|\}(?!\}))*\}\}/.exec(text.slice(from, from + MAX_TEMPLATE_CHARS));
  return closed ? from + closed[0].length - 2 : text.indexOf("}}", from);
}

type Reading =
  | { readonly kind: "placeholder"; readonly placeholder: Placeholder }
  | { readonly kind: "fault"; readonly message: string };

function readPlaceholder(inside: string, allowedNames: readonly TemplateName[]): Reading {
  const [written = "", ...steps] = stepsOf(inside);
  const read = readName(written, allowedNames);
  if (read.kind === "fault") return read;
  if (steps.length > MAX_FILTERS) return fault(`has more than ${MAX_FILTERS} filters in a row`);
  const filters: Filter[] = [];
  for (const step of steps) {
    const found = readFilter(step);
    if (found.kind === "fault") return found;
    filters.push(found.filter);
  }
  return { kind: "placeholder", placeholder: { ...read.placeholder, filters } };
}

/** Parted at each "|" that stands outside of quotes. */
function stepsOf(inside: string): readonly string[] {
  const steps = [""];
  let quoted: string | undefined;
  for (const char of inside) {
    if (char === "|" && quoted === undefined) steps.push("");
    else {
      if (char === quoted) quoted = undefined;
      else if (quoted === undefined && (char === '"' || char === "'")) quoted = char;
      steps.push(`${steps.pop() ?? ""}${char}`);
    }
  }
  return steps;
}

function readName(inside: string, allowedNames: readonly TemplateName[]): Reading {
  const written = SPACED_NAME.exec(inside)?.[1];
  const found = (placeholder: Omit<Placeholder, "filters">): Reading => ({
    kind: "placeholder",
    placeholder: { ...placeholder, filters: [] },
  });
  const plain = allowedNames.find((known) => known === written && !isFamily(known));
  if (plain !== undefined) return found({ name: plain });
  const [before = "", ...after] = written?.split(".") ?? [];
  const family = FAMILIES.find((known) => known === before);
  const key = after.join(".");
  if (family !== undefined && allowedNames.includes(`${family}.NAME`) && KEY.test(key))
    return found({ name: `${family}.NAME`, of: { family, key } });

  const there = allowedNames.map((known) => `{{ ${known} }}`).join(", ");
  if (written === undefined) return fault(`holds ${quote(`{{${inside}}}`)}, which is not one name; there are ${there}`);
  if (family !== undefined && !allowedNames.includes(`${family}.NAME`))
    return fault(`holds ${quote(`{{ ${written} }}`)}, which nobody knows yet where this stands; there are ${there}`);
  if (templateNames().some((known) => known === written && !isFamily(known)))
    return fault(`holds "{{ ${written} }}", which cannot stand here; there are ${there}`);
  const near = nearName(written, before, key, allowedNames);
  const hint = near === undefined ? "" : ` (did you mean "{{ ${near} }}"?)`;
  return fault(`holds the unknown name ${quote(written)}${hint}; there are ${there}`);
}

/** The name that was meant, with the key as it was written where that is one. */
function nearName(
  written: string,
  before: string,
  key: string,
  allowedNames: readonly TemplateName[],
): string | undefined {
  const families = FAMILIES.filter((family) => allowedNames.includes(`${family}.NAME`));
  const family = KEY.test(key) ? suggest(before, families) : undefined;
  return family === undefined ? suggest(written, allowedNames) : `${family}.${key}`;
}

const fault = (message: string) => ({ kind: "fault", message }) as const;
