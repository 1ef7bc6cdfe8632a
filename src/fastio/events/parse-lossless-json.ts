export type JsonReading = { readonly kind: "value"; readonly value: unknown } | JsonFault;
export type JsonFault = { readonly kind: "malformed"; readonly reason: string };

/** Deeper than any delivery is; small enough that recursion over the value cannot exhaust the stack. */
const MAX_JSON_DEPTH = 64;
/** An integer of fewer digits is always exact. */
const SAFE_DIGITS = 15;

/**
 * Parses JSON so that no id is rounded: integers beyond 2^53 come out as strings of their digits, all else as
 * `JSON.parse` gives it. (Its reviver could see the digits too, but it recurses, is slow, and older engines lack it.)
 */
export const parseLosslessJson = (text: string): JsonReading => {
  const { depth, bigIntegers } = scan(text);
  if (depth > MAX_JSON_DEPTH) return { kind: "malformed", reason: `nested deeper than ${MAX_JSON_DEPTH}` };
  try {
    // Parsed as it came first: quoting a number must not make a valid text of an invalid one.
    const value: unknown = JSON.parse(text);
    return { kind: "value", value: bigIntegers.length === 0 ? value : JSON.parse(quote(text, bigIntegers)) };
  } catch {
    return { kind: "malformed", reason: "not JSON" };
  }
};

type Span = { readonly start: number; readonly end: number };

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** One pass over the text outside strings; what it finds in a text that is no JSON does not matter. */
const scan = (text: string): { readonly depth: number; readonly bigIntegers: readonly Span[] } => {
  const bigIntegers: Span[] = [];
  let open = 0;
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const character = text[at] ?? "";
    if (character === '"') {
      at = endOfString(text, at);
    } else if (character === "-" || (character >= "0" && character <= "9")) {
      NUMBER.lastIndex = at;
      const number = NUMBER.exec(text)?.[0] ?? character;
      if (isBigInteger(number)) bigIntegers.push({ start: at, end: at + number.length });
      at += number.length;
    } else {
      if (character === "{" || character === "[") {
        open += 1;
        depth = Math.max(depth, open);
      } else if (character === "}" || character === "]") open -= 1;
      at += 1;
    }
  }
  return { depth, bigIntegers };
};

/** Index after the closing quote of the string that opens at `start`, or the end of the text. */
const endOfString = (text: string, start: number): number => {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let before = quote;
    while (text[before - 1] === "\\") before -= 1;
    if ((quote - before) % 2 === 0) return quote + 1;
  }
  return text.length;
};

const isBigInteger = (number: string): boolean =>
  number.length > SAFE_DIGITS && /^-?\d+$/.test(number) && !Number.isSafeInteger(Number(number));

const quote = (text: string, spans: readonly Span[]): string => {
  const parts: string[] = [];
  let done = 0;
  for (const { start, end } of spans) {
    parts.push(text.slice(done, start), '"', text.slice(start, end), '"');
    done = end;
  }
  return parts.join("") + text.slice(done);
};
