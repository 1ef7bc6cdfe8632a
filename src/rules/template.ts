import { quote } from "./quote.ts";
import { suggest } from "./suggest.ts";

/** Every name a template may hold, and what stands there when it is filled in. */
export const TEMPLATE_NAMES = {
  file: "the file itself, as the whole value of an input",
  "file.name": "report.final.pdf",
  "file.stem": "report.final",
  "file.extension": "pdf",
  "file.size": "bytes, as digits",
  "file.path": "/Inbox/2026/report.final.pdf",
  "event.type": "file.created",
  "event.actor.id": "user id of whoever caused the event; empty when unknown",
  "event.actor.email": "e-mail of whoever caused the event; empty when unknown",
  date: "2026-11-22, in UTC, when the run was made",
  time: "14:05:09, in UTC, when the run was made",
  "rule.name": "summarise-contracts",
  "run.id": "the id of the run",
  "workspace.name": "Legal; the id when the name is unknown",
} as const;

export type TemplateName = keyof typeof TEMPLATE_NAMES;

/** Names that give text: all but the file itself. */
export const TEXT_NAMES: readonly TemplateName[] = templateNames().filter((name) => name !== "file");

/** Names an input may hold. */
export const INPUT_NAMES: readonly TemplateName[] = templateNames();

/** Names a folder may hold: those whose values are not paths. */
export const FOLDER_NAMES: readonly TemplateName[] = TEXT_NAMES.filter((name) => name !== "file.path");

/** A template read once. Plain data: text as it stands, and names to be filled in. */
export type CompiledTemplate =
  | { readonly kind: "file" }
  | { readonly kind: "text"; readonly parts: readonly (string | { readonly name: TemplateName })[] };

export type TemplateResult =
  | { readonly kind: "template"; readonly template: CompiledTemplate }
  | { readonly kind: "fault"; readonly message: string };

/** The values of one run; undefined where nobody knows. Made by `templateValues`. */
export type TemplateValues = Readonly<Record<Exclude<TemplateName, "file">, string | undefined>>;

export type Rendered =
  /** The file's place: the caller puts its upload here. */
  | { readonly kind: "file" }
  /** `unknown`: names that had no value and left nothing behind. */
  | { readonly kind: "text"; readonly text: string; readonly unknown: readonly TemplateName[] };

const MAX_TEMPLATE_CHARS = 4_000;
const SPACED_NAME = /^\s*([^\s]+)\s*$/;

/** Reads a template. Names outside the allowed ones, and anything but a name between braces, are faults. */
export function compileTemplate(text: string, allowedNames: readonly TemplateName[]): TemplateResult {
  if (text.length > MAX_TEMPLATE_CHARS) return fault(`is longer than ${MAX_TEMPLATE_CHARS} characters`);
  const parts: (string | { readonly name: TemplateName })[] = [];
  let done = 0;
  for (let open = text.indexOf("{{"); open !== -1; open = text.indexOf("{{", done)) {
    const close = text.indexOf("}}", open);
    if (close === -1) return fault('has a "{{" without "}}"');
    const inside = text.slice(open + 2, close);
    const read = readName(inside, allowedNames);
    if (read.kind === "fault") return read;
    if (open > done) parts.push(text.slice(done, open));
    parts.push({ name: read.name });
    done = close + 2;
  }
  if (done < text.length) parts.push(text.slice(done));
  if (!parts.some((part) => typeof part !== "string" && part.name === "file"))
    return { kind: "template", template: { kind: "text", parts } };
  return parts.length === 1
    ? { kind: "template", template: { kind: "file" } }
    : fault(
        'mixes "{{ file }}" with other text: the file itself must be the whole value; its name is "{{ file.name }}"',
      );
}

/** Fills a template in. Values are put in as they are: braces inside them mean nothing. Never throws. */
export function renderTemplate(template: CompiledTemplate, values: TemplateValues): Rendered {
  if (template.kind === "file") return template;
  const unknown: TemplateName[] = [];
  const texts = template.parts.map((part) => {
    if (typeof part === "string") return part;
    const value = part.name === "file" || !Object.hasOwn(values, part.name) ? undefined : values[part.name];
    if (value === undefined) unknown.push(part.name);
    return value ?? "";
  });
  return { kind: "text", text: texts.join(""), unknown };
}

/** Fills in a template of a place where only text can stand; unknown values leave nothing behind. */
export function renderText(template: CompiledTemplate, values: TemplateValues): string {
  const rendered = renderTemplate(template, values);
  return rendered.kind === "text" ? rendered.text : "";
}

function readName(
  inside: string,
  allowedNames: readonly TemplateName[],
): { readonly kind: "name"; readonly name: TemplateName } | { readonly kind: "fault"; readonly message: string } {
  const written = SPACED_NAME.exec(inside)?.[1];
  const name = allowedNames.find((known) => known === written);
  if (name !== undefined) return { kind: "name", name };
  if (inside.includes("|")) return fault(`uses a filter (${quote(inside.trim())}); filters are not supported yet`);
  const there = allowedNames.map((known) => `{{ ${known} }}`).join(", ");
  if (written === undefined) return fault(`holds ${quote(`{{${inside}}}`)}, which is not one name; there are ${there}`);
  if (templateNames().some((known) => known === written))
    return fault(`holds "{{ ${written} }}", which cannot stand here; there are ${there}`);
  const near = suggest(written, allowedNames);
  const hint = near === undefined ? "" : ` (did you mean "{{ ${near} }}"?)`;
  return fault(`holds the unknown name ${quote(written)}${hint}; there are ${there}`);
}

const fault = (message: string) => ({ kind: "fault", message }) as const;

function templateNames(): TemplateName[] {
  // Object.keys forgets the literal keys of a constant object; it has no others.
  return Object.keys(TEMPLATE_NAMES) as TemplateName[];
}
