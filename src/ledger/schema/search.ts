import { index, integer, primaryKey, text } from "drizzle-orm/pg-core";
import { ms, relay } from "./relay-schema.ts";

/**
 * What files of runs are called, for finding a run by part of a name. Apart from the runs, whose rows are wide and
 * change often: each change would write all grams into the index again.
 */
export const runNames = relay.table(
  "run_names",
  {
    runId: text("run_id").notNull(),
    /** Place in the batch; 0 for a run of one file. */
    ordinal: integer().notNull(),
    /** When the run was made. */
    createdAtMs: ms("created_at_ms").notNull(),
    /** As `foldName` spells it. */
    name: text().notNull(),
    /** As `gramsOf` cuts it. */
    grams: integer().array().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.runId, table.ordinal] }),
    index("run_names_created").on(table.createdAtMs, table.runId),
    // What waits in a list to be put in would be read through by every search.
    index("run_names_grams").using("gin", table.grams).with({ fastupdate: false }),
  ],
);

/** Who has to do with a run: who brought its file, and who was invited to what it delivered. */
export const runPeople = relay.table(
  "run_people",
  {
    /** A user id, or an address as `foldPerson` spells it. */
    person: text().notNull(),
    runId: text("run_id").notNull(),
    /** When the run was made. */
    createdAtMs: ms("created_at_ms").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.runId, table.person] }),
    index("run_people_person").on(table.person, table.createdAtMs, table.runId),
  ],
);
