import { sql } from "drizzle-orm";

/**
 * Stands in the `from` of an update of runs, beside what it writes: then it waits for rows that somebody else holds no
 * longer than this, and writes nothing. One statement writes many runs: a transaction that was left open by hand, with
 * one of them, would hold up the work on all. In the statement itself, as another one before it would cost a trip.
 */
export const LOCK_PATIENCE = sql`(select set_config('lock_timeout', '1s', true)) as patience`;
