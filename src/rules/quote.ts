/** Longest piece of a foreign value that a message repeats. */
const MAX_QUOTED_CHARS = 120;

/** Keys of Dify (`app-` and 24 letters and digits, from its migration tool without the hyphen), of others, bearer tokens. */
const SECRET_LIKE =
  /\b(?:app|dataset|sk|pk|whsec)[-_][A-Za-z0-9]{16,}|\bapp(?=[A-Za-z]*\d)[A-Za-z0-9]{24}\b|\b[Bb]earer\s+\S+/g;

/** Characters that JSON leaves alone and that can still reorder or hide what a terminal shows. */
const INVISIBLE = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Hides what looks like a key inside a text that is about to be shown. */
export const hideSecrets = (text: string): string => text.replace(SECRET_LIKE, "[looks like a key, not shown]");

/** Whether something in a text looks like a key. */
export const hasSecret = (text: string): boolean => hideSecrets(text) !== text;

/** A value of somebody else inside a message of ours: quoted, control and invisible characters escaped, cut, never a key. */
export function quote(value: string): string {
  const points = Array.from(hideSecrets(value));
  const cut = points.length > MAX_QUOTED_CHARS ? `${points.slice(0, MAX_QUOTED_CHARS).join("")}…` : points.join("");
  return JSON.stringify(cut).replace(INVISIBLE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
