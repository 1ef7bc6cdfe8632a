import { type SQL, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { doTogether } from "./do-together.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import type { runFiles, runs } from "./schema.ts";

/** When a file was read: the number counts, the time only beside a reading that has none. */
export type Reading = { readonly reading: number | null; readonly seenAtMs: number };

const drawTogether = builtOnce((db) => {
  const reading = sql`nextval('relay.readings')`.mapWith(Number);
  const statement = db
    .select({ reading })
    .from(sql`generate_series(1, ${sql.placeholder("count")}::integer) n`)
    .prepare(UNNAMED);
  return doTogether(async (all: readonly undefined[]) =>
    (await statement.execute({ count: all.length })).map((drawn) => drawn.reading),
  );
});

/** The number of a reading that is about to begin. */
export const drawReading = (db: Db): Promise<number> => drawTogether(db)(undefined);

/** Whether a row was read after this reading. */
export const isReadAfter = (row: typeof runs | typeof runFiles, { reading, seenAtMs }: Reading): SQL =>
  sql`coalesce(${row.reading} > ${reading}::bigint, ${row.seenAtMs} > ${seenAtMs}::bigint)`;
