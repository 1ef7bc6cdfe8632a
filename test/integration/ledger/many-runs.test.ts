import { eq, sql } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { setAppState } from "../../../src/ledger/app-states.ts";
import { RUNS_AT_ONCE } from "../../../src/ledger/change-many-runs.ts";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { releaseFlood, releaseHeldRuns } from "../../../src/ledger/release-runs.ts";
import { rowsOf } from "../../../src/ledger/rows-of.ts";
import { type RunRow, runs } from "../../../src/ledger/schema.ts";
import { createRuns } from "../../support/create-runs.ts";
import { SOON } from "../../support/soon.ts";
import { NOW_MS, runNamed } from "./intakes.ts";
import { databases, useLedger } from "./subjects.ts";

const RULE = "read-new-files";
const APP = "0123456789ab";
/** More than one statement changes. */
const MANY = RUNS_AT_ONCE + 1;

const pauseApp = (db: Db) =>
  setAppState(db, { app: APP, state: "paused", reason: null, changedBy: "operator", sinceMs: NOW_MS }, {});

describe.each(databases)(
  "on %s, so that none takes longer than a statement may, no statement changes all runs",
  (name) => {
    const { ledger } = useLedger(name);
    const db = (): Db => ledger().db;

    beforeAll(async () => {
      for (const statement of [
        "create table public.changes (rows int not null)",
        `create function public.count_changes() returns trigger language plpgsql as $$
        begin insert into public.changes select count(*) from changed; return null; end $$`,
        `create trigger count_changes after update on relay.runs referencing new table as changed
        for each statement execute function public.count_changes()`,
      ])
        await db().execute(sql.raw(statement));
    });
    beforeEach(() => db().execute(sql`truncate relay.app_states`));

    test.each<{ what: string; of: Partial<RunRow>; change: (db: Db) => Promise<unknown>; changed: Partial<RunRow> }>([
      {
        what: "of a flood that is let go",
        of: { status: "held", queue: null, errorCode: "flood_held" },
        change: (of) => releaseFlood(of, RULE, NOW_MS),
        changed: { status: "queued" },
      },
      {
        what: "of a rule that is resumed",
        of: { status: "held", queue: null },
        change: (of) => releaseHeldRuns(of, NOW_MS, RULE),
        changed: { status: "queued" },
      },
      {
        what: "that wait for an app that is paused",
        of: { waitingApp: APP },
        change: pauseApp,
        changed: { progress: "waits: its Dify app is paused" },
      },
    ])(
      "$what",
      async ({ of, change, changed }) => {
        await createRuns(db(), "ev", [runNamed("r0", of)], { status: "routed", reasons: {} }, NOW_MS);
        await db().update(runs).set(of).where(eq(runs.id, "r0"));
        await db().execute(sql`
      insert into relay.runs select made.* from relay.runs run, generate_series(1, ${MANY - 1}::int) n,
        lateral jsonb_populate_record(run, jsonb_build_object('id', 'r' || n)) made`);
        await db().execute(sql`truncate public.changes`);
        await change(db());
        const [told] = rowsOf(await db().execute(sql`select max(rows) as most from public.changes`));
        expect(told).toEqual({ most: RUNS_AT_ONCE });
        for (const [column, value] of Object.entries(changed))
          expect(await db().$count(runs, eq(runs[column as "status"], value as RunRow["status"]))).toBe(MANY);
      },
      SOON.timeout,
    );
  },
);
