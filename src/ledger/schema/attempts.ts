import { bigserial, index, integer, text } from "drizzle-orm/pg-core";
import { ms, relay } from "./relay-schema.ts";
import type { RunStep, RunWait } from "./runs.ts";

/** One line per try at one step. */
export const attempts = relay.table(
  "attempts",
  {
    id: bigserial({ mode: "number" }).primaryKey(),
    runId: text("run_id").notNull(),
    step: text().$type<RunStep>().notNull(),
    worker: text().notNull(),
    startedAtMs: ms("started_at_ms").notNull(),
    finishedAtMs: ms("finished_at_ms").notNull(),
    /** Tries in this line: those that only found out that it is too early become one. */
    tries: integer().notNull().default(1),
    /** Time worked in all of them; null: it was one, from start to finish. */
    workedMs: ms("worked_ms"),
    /** What was waited for before it, and between its tries. */
    waitedFor: text("waited_for").$type<RunWait>(),
    betweenFor: text("between_for").$type<RunWait>(),
    outcome: text().$type<"done" | "later" | "failed">().notNull(),
    failure: text(),
    errorCode: text("error_code"),
    errorMessage: text("error_message"),
  },
  (table) => [index("attempts_run").on(table.runId)],
);

export type AttemptRow = typeof attempts.$inferSelect;
