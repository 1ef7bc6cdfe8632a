import { type Document, isScalar, type LineCounter, visit, type YAMLError } from "yaml";
import { hideSecrets, quote } from "./quote.ts";
import { type Position, positionAt } from "./source-positions.ts";

export type YamlFault = Position & { readonly message: string };

/** Uses of `*alias` in one file. Expansion is bounded besides; this bounds the work of following them. */
const MAX_ALIASES = 100;

/** Faults of the file as YAML, one a line at most: after the first, the parser is usually only lost. */
export function yamlFaults(document: Document, lines: LineCounter, source: string): YamlFault[] {
  const faults = [
    ...[...document.errors, ...document.warnings].map((error) => syntaxFault(error, lines, source)),
    ...nodeFaults(document, lines),
  ];
  const seen = new Set<number>();
  return faults.filter(({ line }) => !seen.has(line) && seen.add(line));
}

const WORDS: Partial<Record<YAMLError["code"], string>> = {
  BAD_INDENT: "wrong indentation, or a bracket that is never closed",
  BAD_SCALAR_START: "a value starts with a character that YAML reserves; put the value in quotes",
  BLOCK_AS_IMPLICIT_KEY: 'a second ": " in one line; put the value in quotes',
  MULTIPLE_DOCS: 'a second document begins ("---"); the file holds one',
  NON_STRING_KEY: "a key must be plain text",
  RESOURCE_EXHAUSTION: "nested too deeply",
  TAB_AS_INDENT: "a tab as indentation; YAML wants spaces",
  TAG_RESOLVE_FAILED: 'a value starts with "!", which is a tag in YAML; put the value in quotes',
};

function syntaxFault(error: YAMLError, lines: LineCounter, source: string): YamlFault {
  const [start, end] = error.pos;
  const position = positionAt(lines, start);
  const written = source.slice(start, end);
  if (error.code === "DUPLICATE_KEY") {
    const key = /^[\w-]+/.exec(source.slice(start))?.[0] ?? written;
    return { ...position, message: `the key ${quote(key)} stands here a second time` };
  }
  const line = source.split("\n", position.line).at(-1) ?? "";
  if (/(?:^|[:[,-])\s*\{\{/.test(line))
    return { ...position, message: 'a template without quotes; write "{{ file.name }}" with quotes around it' };
  // The library repeats a piece of the file after ": "; that piece may be anything, so it is left out.
  const message =
    WORDS[error.code] ?? hideSecrets(error.message.replace(/: .*$/s, "").replace(/^./, (first) => first.toLowerCase()));
  return { ...position, message };
}

function nodeFaults(document: Document, lines: LineCounter): YamlFault[] {
  const faults: YamlFault[] = [];
  const add = (offset: number | undefined, message: string) =>
    faults.push({ ...positionAt(lines, offset ?? 0), message });
  let aliases = 0;
  visit(document, {
    Alias: (_, alias) => {
      aliases += 1;
      if (aliases > MAX_ALIASES) {
        add(alias.range?.[0], `more than ${MAX_ALIASES} aliases`);
        return visit.BREAK;
      }
      if (alias.resolve(document) === undefined)
        add(
          alias.range?.[0],
          'a value starts with "*", which is an alias in YAML; put the value in quotes, as in "*.pdf"',
        );
      return undefined;
    },
    Pair: (_, pair) => {
      if (isScalar(pair.key) && pair.key.value === "__proto__")
        add(pair.key.range?.[0], 'the key "__proto__" is not possible');
    },
  });
  return faults;
}
