import type { PGlite } from "@electric-sql/pglite";

/** A table is tidied after so many changes, and a part of its rows. */
const CHANGES = 1_000;
const PART = 0.2;
/** Enough to tell rare from common, and read within a fraction of a second. */
const STATISTICS_TARGET = 10;

/**
 * Does for an embedded database what a server does by itself: frees what was changed and deleted, and learns how values
 * are spread. Without it, plans are guesses and indexes are asked together with the rows. Others wait meanwhile.
 * @returns the tables that were due
 */
export async function tidyEmbedded(pglite: PGlite): Promise<readonly string[]> {
  await pglite.exec(`set default_statistics_target = ${STATISTICS_TARGET}`);
  const { rows } = await pglite.query<{ readonly name: string }>(
    `select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables
     where greatest(n_dead_tup, n_mod_since_analyze) > ${CHANGES} + ${PART} * n_live_tup order by name`,
  );
  for (const { name } of rows) await pglite.exec(`vacuum (analyze) ${name}`);
  return rows.map(({ name }) => name);
}
