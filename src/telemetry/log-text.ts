import { stripVTControlCharacters, styleText } from "node:util";
import { plainJson } from "../text/unseen.ts";

export type TextLook = {
  readonly hasColour: boolean;
  /** Of the terminal, now; undefined: each line of the log is as long as it is, for `grep`. */
  readonly columns?: (() => number | undefined) | undefined;
};

const LEVEL_COLOURS: Readonly<Record<string, "dim" | "green" | "yellow" | "red">> = {
  debug: "dim",
  info: "green",
  warn: "yellow",
  error: "red",
};
const LEVEL_CHARS = 5;
/** Fields of ours that may have several lines; what else holds a line break, such as the name of a file, stays in one. */
const IN_LINES: ReadonlySet<string> = new Set(["message", "why", "stack"]);
const INDENT = "         ";
const GAP = "  ";
const NEEDS_QUOTES = /[\s"'=\\]|^$/;

/**
 * Lines of the JSON log as people read them: time (UTC), level, event, fields as `key=value`; below them what has several
 * lines, and the next step. It is made of what the log would have written, so that nothing is told here that was left
 * blank there.
 */
export function textOfLines(lines: string, { hasColour, columns }: TextLook): string {
  const width = columns?.() ?? Number.POSITIVE_INFINITY;
  return lines.replace(/[^\n]+/g, (line) => textOfLine(line, hasColour, width));
}

function textOfLine(line: string, hasColour: boolean, width: number): string {
  const told = fieldsOf(line);
  if (!told) return plainJson(line);
  const { time, level, event = "", nextAction, ...fields } = told;
  const paint = (style: Parameters<typeof styleText>[0], text: string): string =>
    hasColour ? styleText(style, text, { validateStream: false }) : text;

  const inline: string[] = [];
  const below: string[] = [];
  for (const [name, value] of flat(fields)) {
    const lines = typeof value === "string" && IN_LINES.has(name) ? value.trimEnd().split("\n") : [];
    if (lines.length > 1) below.push(paint("dim", shown(name)), ...lines.map((text) => `  ${plainJson(text)}`));
    else inline.push(`${paint("dim", `${shown(name)}=`)}${shown(value)}`);
  }
  if (nextAction !== undefined) below.push(`→ ${plainJson(String(nextAction)).replaceAll("\n", " ")}`);

  const levelWord = String(level);
  const head = [
    paint("dim", plainJson(String(time).slice(11, 19))),
    paint(LEVEL_COLOURS[levelWord] ?? "dim", shown(levelWord).padEnd(LEVEL_CHARS)),
    paint("bold", shown(event)),
  ].join(" ");
  return [...filled([head, ...inline], width), ...below.map((text) => `${INDENT}${text}`)].join("\n");
}

/** Lines no wider than the terminal, broken between fields; one that is wider stands alone. */
function filled(words: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  let room = 0;
  for (const word of words) {
    const chars = [...stripVTControlCharacters(word)].length;
    if (lines.length > 0 && chars + GAP.length <= room) {
      lines.push(`${lines.pop()}${GAP}${word}`);
      room -= chars + GAP.length;
    } else {
      const indent = lines.length === 0 ? "" : INDENT;
      lines.push(`${indent}${word}`);
      room = width - indent.length - chars;
    }
  }
  return lines;
}

function fieldsOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const told: unknown = JSON.parse(line);
    return isObject(told) ? told : undefined;
  } catch {
    return undefined;
  }
}

/** Fields within fields, by their path. */
function flat(fields: Readonly<Record<string, unknown>>, path = ""): readonly (readonly [string, unknown])[] {
  return Object.entries(fields).flatMap(([name, value]): readonly (readonly [string, unknown])[] =>
    isObject(value) ? flat(value, `${path}${name}.`) : [[`${path}${name}`, value]],
  );
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A value in its line: bare where it is one word, else as JSON has it; all of it can be seen. */
function shown(value: unknown): string {
  if (Array.isArray(value) && value.length > 0 && !value.some((one) => typeof one === "object" && one !== null))
    return value.map(shown).join(",");
  const text = typeof value === "string" && !NEEDS_QUOTES.test(value) ? value : JSON.stringify(value);
  return plainJson(text);
}
