import { desc, gt, sql } from "drizzle-orm";
import type { PgColumn, PgTable } from "drizzle-orm/pg-core";
import type { Db } from "./open-ledger.ts";
import {
  accesses,
  alerts,
  appStates,
  bulkActions,
  deliveries,
  events,
  operatorActions,
  ruleStates,
  runs,
} from "./schema.ts";

/** How far back the changes of runs are looked at: the clocks of processes may differ, and a look may come late. */
export const NEWS_WINDOW_MS = 15_000;
/** Runs that changed within the window and are told one by one. */
const MOST_CHANGED_RUNS = 500;

/** Where else something is written down when it happens, and when; each is the first or last of an index, or few rows. */
const MARKS = {
  deliveries: [[deliveries, deliveries.receivedAtMs]],
  events: [
    [events, events.receivedAtMs],
    [events, events.routedAtMs],
  ],
  rules: [
    [ruleStates, ruleStates.sinceMs],
    [appStates, appStates.sinceMs],
  ],
  shares: [[accesses, accesses.atMs]],
  alerts: [
    [alerts, alerts.sinceMs],
    [alerts, alerts.clearedAtMs],
  ],
  audit: [[operatorActions, operatorActions.atMs]],
  bulk: [
    [bulkActions, bulkActions.dueAtMs],
    [bulkActions, bulkActions.finishedAtMs],
  ],
} as const satisfies Readonly<Record<string, readonly (readonly [PgTable, PgColumn])[]>>;

/** What news may be about. */
export type Topic = "runs" | keyof typeof MARKS;
export const TOPICS: readonly Topic[] = ["runs", ...(Object.keys(MARKS) as (keyof typeof MARKS)[])]; // its own keys

/** What was written down last, as one look at the ledger tells it. */
export type Signs = {
  /** When the runs changed that did so lately, by id; the latest first. */
  readonly runs: ReadonlyMap<string, number>;
  /** Whether more changed than are told. */
  readonly more: boolean;
  /** When something was last written down, by topic; 0: never. */
  readonly marks: Readonly<Record<Exclude<Topic, "runs">, number>>;
};

/** One look: two statements that read a few index entries each. */
export async function readSigns(db: Db, nowMs: number): Promise<Signs> {
  const fields = Object.entries(MARKS).map(([topic, places]) => {
    const latest = places.map(([table, column]) => sql`coalesce((select max(${column}) from ${table}), 0)`);
    return [topic, sql`greatest(${sql.join(latest, sql`, `)})`.mapWith(Number)] as const;
  });
  const [changed, [marks]] = await Promise.all([
    db
      .select({ id: runs.id, updatedAtMs: runs.updatedAtMs })
      .from(runs)
      .where(gt(runs.updatedAtMs, nowMs - NEWS_WINDOW_MS))
      .orderBy(desc(runs.updatedAtMs))
      .limit(MOST_CHANGED_RUNS + 1),
    db
      .select(Object.fromEntries(fields) as Record<keyof Signs["marks"], (typeof fields)[number][1]>)
      .from(sql`(select 1) one`),
  ]);
  if (!marks) throw new Error("a select without a table gave no row");
  return {
    runs: new Map(changed.slice(0, MOST_CHANGED_RUNS).map(({ id, updatedAtMs }) => [id, updatedAtMs])),
    more: changed.length > MOST_CHANGED_RUNS,
    marks,
  };
}
