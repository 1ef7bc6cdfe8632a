/** Code points of a name that are kept for searching; file systems end names at 255. */
const MAX_CHARS = 500;
/** Controls, marks of direction, zero widths, and halves of characters, which no database takes. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}]/gu;
/** A query needs so many code points to be answered from the index. */
export const GRAM_CHARS = 3;

/** Keeps three code points apart well enough in 31 bits; what collides is told apart by the name itself. */
const BASE = 1_103;
const MODULUS = 2_147_483_647;

/**
 * A name as it is compared: in one case, composed, without marks nobody sees (directions, zero widths, controls) and
 * with single spaces. The same on every database, whatever its locale.
 */
export function foldName(name: string): string {
  const visible = name.replaceAll(UNSEEN, "").normalize("NFKC");
  // Upper case tells less apart than lower case does: ß and SS, ς and σ.
  const folded = visible.toUpperCase().normalize("NFKC").replaceAll(/\s+/gu, " ").trim();
  return [...folded.slice(0, 2 * MAX_CHARS)].slice(0, MAX_CHARS).join("");
}

/** Every three code points in a row, as numbers, each once. @param folded as `foldName` spells it */
export function gramsOf(folded: string): number[] {
  const grams = new Set<number>();
  let first = 0;
  let second = 0;
  let at = 0;
  for (const char of folded) {
    const third = char.codePointAt(0) ?? 0;
    at += 1;
    if (at >= GRAM_CHARS) grams.add(((first * BASE + second) * BASE + third) % MODULUS);
    first = second;
    second = third;
  }
  return [...grams];
}

/** How an address or a user id is compared. */
export const foldPerson = (person: string): string =>
  person.replaceAll(UNSEEN, "").normalize("NFKC").replaceAll(/\s/gu, "").toLowerCase().slice(0, MAX_CHARS);
