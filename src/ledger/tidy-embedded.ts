import type { PGlite } from "@electric-sql/pglite";

/** A table is tidied after so many changes, and a part of its rows. */
const CHANGES = 1_000;
const PART = 0.2;
/** Enough to tell rare from common, and read within a fraction of a second. */
const STATISTICS_TARGET = 10;
/** What a start after a kill has to do again, in bytes of the log of changes; 16 MiB take the best part of a second. */
const MOST_TO_REDO = 4 * 1_048_576;

/**
 * Does for an embedded database what a server does by itself: frees what was changed and deleted, learns how values
 * are spread, and makes a checkpoint once there is much to redo. Without it, plans are guesses and indexes are asked
 * together with the rows, and the log of changes grows until an orderly end: by itself an embedded database never makes
 * a checkpoint, whatever `max_wal_size` says (PGlite 0.5.16, tried). Others wait meanwhile.
 * @returns the tables that were due
 */
export async function tidyEmbedded(pglite: PGlite): Promise<readonly string[]> {
  await pglite.exec(`set default_statistics_target = ${STATISTICS_TARGET}`);
  const { rows } = await pglite.query<{ readonly name: string }>(
    `select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables
     where greatest(n_dead_tup, n_mod_since_analyze) > ${CHANGES} + ${PART} * n_live_tup order by name`,
  );
  for (const { name } of rows) {
    // Not in one statement: nobody else has a turn until that has ended.
    await pglite.exec(`vacuum ${name}`);
    await pglite.exec(`analyze ${name}`);
  }
  const [log] = (
    await pglite.query<{ readonly bytes: string }>(
      "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::text as bytes from pg_control_checkpoint()",
    )
  ).rows;
  if (Number(log?.bytes ?? 0) > MOST_TO_REDO) await pglite.exec("checkpoint");
  return rows.map(({ name }) => name);
}
