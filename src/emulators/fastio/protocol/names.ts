// Bidirectional marks and zero-width characters, which hide what a name really is.
const HIDDEN = /[\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what we look for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Why Fast.io would refuse this file or folder name; undefined when it would take it. */
export function nameFault(name: string): string | undefined {
  const length = [...name].length;
  if (length < 1 || length > 255) return "A name has 1 to 255 characters.";
  if (name === "." || name === "..") return "A name may not be a dot path.";
  if (/[/\\]/.test(name)) return "A name may not contain path separators.";
  if (CONTROL.test(name)) return "A name may not contain control characters.";
  if (/[ .]$/.test(name)) return "A name may not end in a space or a dot.";
  if (HIDDEN.test(name)) return "A name may not contain hidden characters.";
  return undefined;
}

/** The readable tail of a share link. */
export const slugOf = (title: string): string =>
  title
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60) || "share";

/** The name, or the name with a number where it is taken: `a.txt`, `a (1).txt`, `a (2).txt`. */
export function freeName(taken: { has(name: string): boolean }, name: string): string {
  if (!taken.has(name)) return name;
  const dot = name.lastIndexOf(".");
  const [stem, tail] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let n = 1; ; n += 1) if (!taken.has(`${stem} (${n})${tail}`)) return `${stem} (${n})${tail}`;
}
