/** Characters of a person's name that are kept. */
export const MAX_NAME_CHARS = 60;

/** Control, format (such as those that turn the direction of writing), separators, and halves of characters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Z}]+/gu;

/** What a person calls themselves, as it is written down beside what they do: one line of what can be seen; null for nothing. */
export function personName(text: string | undefined): string | null {
  const line = (text ?? "").normalize("NFC").replace(UNSEEN, " ").trim();
  return line === "" ? null : [...line].slice(0, MAX_NAME_CHARS).join("").trimEnd();
}

/** By which who sends a bearer token may say for whom: a name in percent-encoded UTF-8. */
export const OPERATOR_HEADER = "relay-operator";

/** The header that says for whom a bearer token is used. */
export const nameHeader = (name: string): Readonly<Record<string, string>> => ({
  [OPERATOR_HEADER]: encodeURIComponent(name),
});

/** Reads it. @returns the name as it is written down; null when it says none */
export function nameOfHeader(header: string | undefined): string | null {
  try {
    return personName(header && decodeURIComponent(header));
  } catch {
    return personName(header); // as it stands, with a per cent sign in it
  }
}
