import { withoutEnd } from "../text/without-end.ts";

/** Longest name Fast.io takes, in characters. */
const LONGEST_NAME = 255;

/** Direction marks, fillers and characters without width: they make a name look like another. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\uFFF9-\uFFFB]/gu;

/**
 * A name that Fast.io takes: 1 to 255 characters, no separators, control, direction or zero-width characters,
 * not `.` or `..`, no space or dot at its end. A name that already is stays as it is, apart from normalisation (NFC).
 *
 * @param fallback used when nothing is left
 */
export function safeFileName(name: string, fallback = "file"): string {
  const clean = name
    .replace(/\p{Cs}/gu, "_")
    .replace(INVISIBLE, "")
    // Last, since what stood between a letter and its accent may have been one of these.
    .normalize("NFC")
    .replace(/[/\\\p{Cc}]/gu, "_");
  const trimmed = trimEnds(clean);
  return shorten(trimmed === "" ? fallback : trimmed, "");
}

/** The name with something behind it that stays whole, however long the name is: it is what keeps it apart. */
export function nameWith(name: string, suffix: string): string {
  const room = LONGEST_NAME - suffix.length;
  if (name.length <= room) return `${name}${suffix}`;
  return `${trimEnds(name.slice(0, room).replace(/[\uD800-\uDBFF]$/, ""))}${suffix}`;
}

/**
 * The same names, later ones of equal names numbered ` (2)`, ` (3)` before their extension. Letter case does not
 * make a difference, since it does not for everybody who downloads them.
 */
export function uniqueNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  // Where the search for a free number goes on, so that many equal names stay cheap.
  const nextNumber = new Map<string, number>();
  return names.map((name) => {
    const key = name.toLowerCase();
    let number = nextNumber.get(key) ?? 2;
    let unique = name;
    while (taken.has(unique.toLowerCase())) {
      unique = shorten(name, ` (${number})`);
      number += 1;
    }
    nextNumber.set(key, number);
    taken.add(unique.toLowerCase());
    return unique;
  });
}

const trimEnds = (text: string): string => withoutEnd(text.trimStart(), /[\s.]/);

/** Puts a suffix before the extension and keeps the whole within the limit, without cutting a character in two. */
function shorten(name: string, suffix: string): string {
  const dot = name.lastIndexOf(".");
  // What is longer is no extension but a sentence with a dot in it.
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : "";
  const stem = name.slice(0, name.length - extension.length);
  const room = LONGEST_NAME - extension.length - suffix.length;
  const cut = stem.length <= room ? stem : trimEnds(stem.slice(0, room).replace(/[\uD800-\uDBFF]$/, ""));
  return `${cut}${suffix}${extension}`;
}
