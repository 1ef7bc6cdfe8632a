/** Longest text of an upstream's or driver's message that is kept. */
const MAX_CHARS = 500;

/**
 * What went wrong, in one line for logs, the ledger and pages. Of a failed statement only the database's own words are told:
 * the statement and its parameters, which hold what strangers sent, are not.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, MAX_CHARS);
  const { cause } = error;
  const told = error.message.startsWith("Failed query:") && cause instanceof Error ? cause.message : error.message;
  return (told.split("\n", 1)[0] ?? "").slice(0, MAX_CHARS);
}
