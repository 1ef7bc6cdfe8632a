/** SQLSTATE of a table, and of a schema, that is not there. */
const NOT_THERE: ReadonlySet<unknown> = new Set(["42P01", "3F000"]);

/**
 * Whether the database answers and has no tables of the relay: it was dropped and made again, or a backup is being put
 * back. They are made at the start alone, since a relay that made them meanwhile would be in the backup's way.
 */
export function areTablesGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && NOT_THERE.has(error.code)) || areTablesGone(error.cause);
}

export const TABLES_GONE_REMEDY =
  "The database has no tables of the relay, or not all of them. If a backup is being put back, wait for its end; then start the relay again: it makes what is missing, of the queue too.";
