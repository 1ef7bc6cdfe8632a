import { withoutEndSlashes } from "../text/without-end.ts";
/**
 * Globs over names that strangers choose. Matching takes at most (pattern length × text length) steps:
 * a regular expression made of `*a*a*a*b` needs minutes for one file name of 255 letters, and file names
 * come from anybody who may upload.
 *
 * `*` any characters (in a path: within one folder name), `?` one character, `[a-z]` `[!a-z]` a set,
 * `{a,b}` alternatives, `**` as a whole folder name: any number of folders, `\` takes the next character
 * literally. Names beginning with a dot are ordinary names. Text and pattern are compared in Unicode
 * normal form C, as macOS spells names in form D.
 */
export type Glob = (text: string) => boolean;

export type GlobResult =
  | { readonly kind: "glob"; readonly matches: Glob }
  | { readonly kind: "fault"; readonly message: string };

export type GlobOptions = {
  /** `path`: `/` separates folders and the text is an absolute path. `name`: one piece of text. */
  readonly shape: "path" | "name";
  readonly ignoreCase: boolean;
};

type Token =
  | { readonly kind: "star" | "any" }
  | { readonly kind: "char"; readonly char: string }
  | { readonly kind: "set"; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] };

type Segment = "globstar" | readonly Token[];

/** Characters of one pattern, and patterns that its braces may stand for. */
const MAX_GLOB_CHARS = 500;
const MAX_ALTERNATIVES = 64;

class GlobFault extends Error {}

/** Reads a pattern once. Unreadable patterns and syntax of other tools come back as a fault in plain words. */
export function parseGlob(pattern: string, options: GlobOptions): GlobResult {
  try {
    return { kind: "glob", matches: compile(pattern, options) };
  } catch (error) {
    if (error instanceof GlobFault) return { kind: "fault", message: error.message };
    throw error;
  }
}

/** The leading folders of a path pattern that hold no wildcard: `/Inbox/2026/**` has `/Inbox/2026`. */
export function fixedFolder(pattern: string): string {
  const segments = pattern.split("/");
  const wild = segments.findIndex((segment) => /[*?[\]{}\\]/.test(segment));
  return withoutEndSlashes((wild === -1 ? segments : segments.slice(0, wild)).join("/")) || "/";
}

function compile(pattern: string, { shape, ignoreCase }: GlobOptions): Glob {
  if (pattern.length > MAX_GLOB_CHARS) throw new GlobFault(`is longer than ${MAX_GLOB_CHARS} characters`);
  if (pattern.startsWith("!"))
    throw new GlobFault('begins with "!"; say what is wanted here, and what is not under exclude');
  if (/[@+*?!]\(/.test(pattern)) throw new GlobFault("uses +(…) or a relative of it; write alternatives as {a,b}");
  const fold = (text: string) => {
    const normal = text.normalize("NFC");
    return ignoreCase ? normal.toLowerCase() : normal;
  };
  const alternatives = expandBraces(fold(pattern));
  if (shape === "name") {
    const tokens = alternatives.map(tokenise);
    return (text) => {
      const points = Array.from(fold(text));
      return tokens.some((alternative) => matchesTokens(alternative, points));
    };
  }
  const paths = alternatives.map(compilePath);
  return (text) => {
    const folders = splitPath(fold(text)).map((folder) => Array.from(folder));
    return paths.some((segments) => matchesSegments(segments, folders));
  };
}

function compilePath(pattern: string): readonly Segment[] {
  if (!pattern.startsWith("/")) throw new GlobFault('must start with "/", the top folder of the workspace');
  const names = splitPath(pattern);
  if (names.some((name) => name === "." || name === ".."))
    throw new GlobFault('holds a "." or ".." folder; write the path from the top');
  return names.map((name) => (name === "**" ? "globstar" : tokenise(name)));
}

/** Folder names of a path; doubled and trailing slashes mean nothing. */
const splitPath = (path: string): string[] => path.split("/").filter((name) => name !== "");

function expandBraces(pattern: string): string[] {
  const open = indexOutsideEscapes(pattern, "{", 0);
  if (open === -1) {
    if (indexOutsideEscapes(pattern, "}", 0) !== -1) throw new GlobFault('has a "}" without "{"');
    return [pattern];
  }
  const { close, commas } = braceEnds(pattern, open);
  const bounds = [open, ...commas, close];
  const tails = expandBraces(pattern.slice(close + 1));
  const expanded: string[] = [];
  for (const [index, start] of bounds.slice(0, -1).entries()) {
    for (const middle of expandBraces(pattern.slice(start + 1, bounds[index + 1]))) {
      for (const tail of tails) expanded.push(pattern.slice(0, open) + middle + tail);
      if (expanded.length > MAX_ALTERNATIVES)
        throw new GlobFault(`stands for more than ${MAX_ALTERNATIVES} alternatives`);
    }
  }
  return expanded;
}

function indexOutsideEscapes(text: string, wanted: string, from: number): number {
  for (let at = from; at < text.length; at += text[at] === "\\" ? 2 : 1) if (text[at] === wanted) return at;
  return -1;
}

function braceEnds(pattern: string, open: number): { readonly close: number; readonly commas: readonly number[] } {
  const commas: number[] = [];
  let depth = 0;
  for (let at = open; at < pattern.length; at += pattern[at] === "\\" ? 2 : 1) {
    const char = pattern[at];
    if (char === "{") depth += 1;
    if (char === "," && depth === 1) commas.push(at);
    if (char === "}") depth -= 1;
    if (depth === 0) return { close: at, commas };
  }
  throw new GlobFault('has a "{" without "}"');
}

function tokenise(pattern: string): readonly Token[] {
  const points = Array.from(pattern);
  const tokens: Token[] = [];
  for (let at = 0; at < points.length; at += 1) {
    const point = points[at];
    if (point === "*") {
      if (tokens.at(-1)?.kind !== "star") tokens.push({ kind: "star" });
    } else if (point === "?") tokens.push({ kind: "any" });
    else if (point === "[") {
      const close = points.indexOf("]", at + (points[at + 1] === "!" ? 3 : 2));
      if (close === -1) throw new GlobFault('has a "[" without "]"');
      tokens.push(characterSet(points.slice(at + 1, close)));
      at = close;
    } else if (point === "\\") {
      const escaped = points[at + 1];
      if (escaped === undefined) throw new GlobFault('ends with a "\\"');
      tokens.push({ kind: "char", char: escaped });
      at += 1;
    } else if (point !== undefined) tokens.push({ kind: "char", char: point });
  }
  return tokens;
}

function characterSet(points: readonly string[]): Token {
  const negated = points[0] === "!";
  const members = negated ? points.slice(1) : points;
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < members.length; at += 1) {
    const first = members[at] ?? "";
    const last = members[at + 1] === "-" ? members[at + 2] : undefined;
    if (last !== undefined) at += 2;
    if (last !== undefined && codePoint(last) < codePoint(first))
      throw new GlobFault(`has the backward range "${first}-${last}"`);
    ranges.push([first, last ?? first]);
  }
  return { kind: "set", negated, ranges };
}

const codePoint = (char: string): number => char.codePointAt(0) ?? 0;

function accepts(token: Token, char: string): boolean {
  if (token.kind === "char") return token.char === char;
  if (token.kind !== "set") return true;
  const code = codePoint(char);
  return token.ranges.some(([first, last]) => codePoint(first) <= code && code <= codePoint(last)) !== token.negated;
}

const matchesTokens = (tokens: readonly Token[], points: readonly string[]): boolean =>
  matchesWild(tokens, points, (token) => token.kind === "star", accepts);

const matchesSegments = (segments: readonly Segment[], folders: readonly (readonly string[])[]): boolean =>
  matchesWild(
    segments,
    folders,
    (segment) => segment === "globstar",
    (segment, folder) => segment !== "globstar" && matchesTokens(segment, folder),
  );

/**
 * Matches a sequence against a pattern in which some parts stand for any number of items. When a part does
 * not fit, only the last such part takes one item more: giving more to an earlier one cannot help.
 */
function matchesWild<Part, Item extends object | string>(
  parts: readonly Part[],
  items: readonly Item[],
  isWild: (part: Part) => boolean,
  fits: (part: Part, item: Item) => boolean,
): boolean {
  let part = 0;
  let item = 0;
  let lastWild = -1;
  let takenUntil = 0;
  for (;;) {
    const current = items[item];
    if (current === undefined) return parts.slice(part).every(isWild);
    const here = parts[part];
    if (here !== undefined && isWild(here)) {
      lastWild = part;
      takenUntil = item;
      part += 1;
    } else if (here !== undefined && fits(here, current)) {
      part += 1;
      item += 1;
    } else if (lastWild !== -1) {
      takenUntil += 1;
      item = takenUntil;
      part = lastWild + 1;
    } else return false;
  }
}

/** The same path pattern, wanting also everything below the folders it matches. */
export function belowToo(pattern: string): string {
  let top = withoutEndSlashes(pattern);
  while (top.endsWith("/**")) top = withoutEndSlashes(top.slice(0, -"**".length));
  return `${top}/**`;
}
