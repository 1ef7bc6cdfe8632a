/** Random values an emulator hands out; the same seed gives the same sequence. */
export type Random = {
  /** At least 0, below 1. */
  next(): number;
  /** `length` characters out of the alphabet. */
  text(length: number, alphabet: string): string;
  /** `length` lower-case hexadecimal digits. */
  hex(length: number): string;
  /** `length` decimal digits, the first not 0. */
  digits(length: number): string;
  /** A UUID of version 4. */
  uuid(): string;
};

/** FNV-1a: spreads a seed of any length over 32 bits. */
function hashSeed(seed: string): number {
  let hash = 0x811c9dc5;
  for (const character of seed) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}

/** A seeded generator (mulberry32). Good enough for ids in tests, useless for secrets. */
export function createRandom(seed: string): Random {
  let state = hashSeed(seed);
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const text = (length: number, alphabet: string) => {
    let made = "";
    while (made.length < length) made += alphabet.charAt(Math.floor(next() * alphabet.length));
    return made;
  };
  const hex = (length: number) => text(length, "0123456789abcdef");
  return {
    next,
    text,
    hex,
    digits: (length) => (length < 1 ? "" : text(1, "123456789") + text(length - 1, "0123456789")),
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${text(1, "89ab")}${hex(3)}-${hex(12)}`,
  };
}
