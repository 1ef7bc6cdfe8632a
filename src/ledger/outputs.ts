import { asc, eq, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { doTogether } from "./do-together.ts";
import { columnsOf, lineOf, linesOf, namesOf } from "./lines.ts";
import { LOCK_PATIENCE, patient } from "./lock-patience.ts";
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

export type PlacedOutput = Pick<OutputRow, "runId" | "ordinal"> & {
  readonly nodeId: string;
  readonly placedAtMs: number;
};

const PLACED = { run_id: "text", ordinal: "integer", node_id: "text", placed_at_ms: "bigint" } as const;

const placed = builtOnce((db) => {
  const marked = db.$with("marked", { runId: outputs.runId }).as(sql`
    update ${outputs} output set node_id = line.node_id, placed_at_ms = line.placed_at_ms, content = null
    from ${linesOf("lines", PLACED)}, ${LOCK_PATIENCE}
    where output.run_id = line.run_id and output.ordinal = line.ordinal
    returning output.run_id`);
  const statement = db.with(marked).select().from(marked).prepare(UNNAMED);
  return doTogether(async (all: readonly PlacedOutput[], patienceMs) => {
    const lines = JSON.stringify(all.map((one) => lineOf(outputs, one)));
    await statement.execute({ lines, ...patient(patienceMs) });
    return all.map(() => undefined);
  });
});

/** Remembers where an output stands now; its text is in Fast.io from here on and leaves the ledger. */
export const markPlaced = async (db: Db, output: PlacedOutput): Promise<void> => placed(db)(output);
