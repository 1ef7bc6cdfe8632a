import { type Placeholder, type SQL, sql } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { rowsOf } from "./rows-of.ts";
import type { runFiles, runs } from "./schema.ts";

/** When a file was read: the number counts, the time only beside a reading that has none. */
export type Reading = { readonly reading: number | null; readonly seenAtMs: number };

/** The number of a reading that is about to begin. */
export async function drawReading(db: Db): Promise<number> {
  const [drawn] = rowsOf(await db.execute(sql`select nextval('relay.readings') as reading`));
  return Number(drawn?.["reading"]);
}

/** Whether a row was read after this reading. */
export const isReadAfter = (
  row: typeof runs | typeof runFiles,
  { reading, seenAtMs }: { readonly [Field in keyof Reading]: Reading[Field] | Placeholder },
): SQL => sql`coalesce(${row.reading} > ${reading}::bigint, ${row.seenAtMs} > ${seenAtMs}::bigint)`;
