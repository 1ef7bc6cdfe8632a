const LONGEST_QUOTE = 300;

/**
 * What an upstream said, fit for a message of ours: one line, bounded, without the value dumps that
 * pydantic appends and without the query of any link (that is where signatures are).
 */
export function quoteUpstream(message: string): string {
  const line = message
    .slice(0, 4 * LONGEST_QUOTE)
    .replace(/\[type=[\s\S]*$/, "")
    .replace(/(https?:\/\/[^\s?#"')]+)[?#][^\s"')]*/g, "$1")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
  const quote = line.length > LONGEST_QUOTE ? `${line.slice(0, LONGEST_QUOTE - 1)}…` : line;
  // Half a character, left by a cut here or there, is refused by databases.
  return quote.replace(/\p{Cs}/gu, "");
}
