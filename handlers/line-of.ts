import { storableText } from "../src/text/storable-text.ts";

/** Characters of what an operator says about a deed that are kept. */
const MAX_CHARS = 200;

/** What a person wrote, as one line of limited length; null for nothing. A database takes neither NUL nor halves of characters. */
export function lineOf(text: string | undefined): string | null {
  const line = storableText((text ?? "").replace(/\p{Cc}+/gu, " ")).trim();
  return line === "" ? null : [...line].slice(0, MAX_CHARS).join("");
}
