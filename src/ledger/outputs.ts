import { and, asc, eq, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { columnsOf, lineOf, linesOf, namesOf } from "./lines.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { type OutputRow, outputs } from "./schema.ts";

const ofRun = builtOnce((db) =>
  db
    .select()
    .from(outputs)
    .where(eq(outputs.runId, sql.placeholder("runId")))
    .orderBy(asc(outputs.ordinal))
    .prepare(UNNAMED),
);

export async function listOutputs(db: Db, runId: string): Promise<readonly OutputRow[]> {
  return ofRun(db).execute({ runId });
}

const OUTPUT = columnsOf(outputs);
const { run_id, ordinal, ...learned } = OUTPUT;

const saved = builtOnce((db) => {
  const written = db.$with("written", { runId: outputs.runId }).as(sql`
    insert into ${outputs} (${namesOf(OUTPUT)})
    select ${namesOf(OUTPUT)} from ${linesOf("lines", OUTPUT)}
    on conflict (run_id, ordinal) do update set (${namesOf(learned)}) = row(${namesOf(learned, "excluded.")})
    where ${outputs.placedAtMs} is null
    returning run_id`);
  return db.with(written).select().from(written).prepare(UNNAMED);
});

type NewOutput = typeof outputs.$inferInsert;

/** Remembers outputs; a repeat overwrites what was learned before, except where it was placed. */
export async function saveOutputs(db: Db, all: readonly NewOutput[]): Promise<void> {
  if (all.length > 0) await saved(db).execute({ lines: JSON.stringify(all.map((one) => lineOf(outputs, one))) });
}

export const saveOutput = (db: Db, output: NewOutput): Promise<void> => saveOutputs(db, [output]);

const placed = builtOnce((db) =>
  db
    .update(outputs)
    .set({
      nodeId: sql`${sql.placeholder("nodeId")}`,
      placedAtMs: sql`${sql.placeholder("nowMs")}`,
      content: null,
    })
    .where(and(eq(outputs.runId, sql.placeholder("runId")), eq(outputs.ordinal, sql.placeholder("ordinal"))))
    .prepare(UNNAMED),
);

/** Remembers where an output stands now; its text is in Fast.io from here on and leaves the ledger. */
export async function markPlaced(db: Db, runId: string, ordinal: number, nodeId: string, nowMs: number): Promise<void> {
  await placed(db).execute({ runId, ordinal, nodeId, nowMs });
}
