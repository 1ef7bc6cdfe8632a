const MAX_RAW_CHARS = 65_536;

/**
 * A value as JSON text that any text or JSON column takes: what `JSON.stringify` escapes but databases refuse, U+0000
 * and halves of surrogate pairs, becomes U+FFFD. A text that is too long is replaced by its length, so that the
 * result is always JSON.
 * @param value parsed JSON, of bounded depth
 */
export const printRaw = (value: unknown): string => {
  const text = JSON.stringify(value);
  if (text.length > MAX_RAW_CHARS) return JSON.stringify({ omitted: `${text.length} characters` });
  if (!text.includes("\\u")) return text;
  // `JSON.stringify` writes `\u` for control characters and unpaired surrogates only.
  return text.replace(/\\(u0000|ud[89a-f][0-9a-f]{2}|.)/g, (found, rest: string) =>
    rest.length === 1 ? found : "\ufffd",
  );
};
