import { sql } from "drizzle-orm";

/** How long a statement that writes many runs waits for a row that somebody else holds. */
const LOCK_PATIENCE_MS = 1_000;

/**
 * Stands in the `from` of an update of runs, beside what it writes: then it waits for rows that somebody else holds no
 * longer than this, and writes nothing. One statement writes many runs: a transaction that was left open by hand, with
 * one of them, would hold up the work on all. In the statement itself, as another one before it would cost a trip.
 */
export const LOCK_PATIENCE = sql`(select set_config('lock_timeout', ${sql.placeholder("patience")}::text, true)) as patience`;

/** What such a statement is told beside all else. */
export const patient = (ms = LOCK_PATIENCE_MS): { readonly patience: string } => ({ patience: `${ms}ms` });
