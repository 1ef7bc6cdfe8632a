import { sql } from "drizzle-orm";
import { describe, expect, inject, test } from "vitest";
import { createClaim } from "../../../src/ledger/claim-runs.ts";
import { insertRuns } from "../../../src/ledger/insert-runs.ts";
import { rowsOf } from "../../../src/ledger/rows-of.ts";
import { createWriteCheckpoints } from "../../../src/ledger/write-checkpoints.ts";
import { NOW_MS, runNamed } from "./intakes.ts";
import { useLedger } from "./subjects.ts";

/** So few that to read them all looks cheap, and more than a plan may read for one. */
const RUNS = 300;
/** After so many PostgreSQL keeps a plan. */
const OFTEN = 8;

describe.skipIf(inject("postgresUrl") === undefined)("on postgres", () => {
  const { ledger } = useLedger("postgres");

  test.each([
    [
      "claim_runs",
      "'[]'",
      (id: string) => ({ id, queue: "runs", owner: "w1", nowMs: NOW_MS, untilMs: NOW_MS + 5_000 }) as const,
      createClaim,
    ],
    [
      "write_checkpoints",
      "'[]', '[]', '[]', '[]'",
      (id: string) => ({ id, owner: "w1", change: { progress: "reads" }, nowMs: NOW_MS }) as const,
      createWriteCheckpoints,
    ],
  ] as const)(
    "what was planned while there were few runs goes to the run it is for: %s",
    async (statement, none, wish, create) => {
      const wanted = Array.from({ length: RUNS }, (_, at) => runNamed(`r${at}`, { nodeId: `node-${at}` }));
      await ledger().work.transaction(async (tx) => {
        await insertRuns(tx, [
          { eventKey: "ev-none", wanted, end: { status: "routed", reasons: {} }, nowMs: NOW_MS, floodHold: 1e9 },
        ]);
        const ask = create(tx) as (wishes: readonly unknown[]) => Promise<unknown>; // each takes wishes of its own kind
        for (let at = 0; at < OFTEN; at += 1) await ask([wish(`r${at}`)]);
        const plan = rowsOf(await tx.execute(sql.raw(`explain execute ${statement}(${none})`)))
          .map((line) => Object.values(line).join())
          .join("\n");
        expect(plan).toMatch(/Index Scan using runs_pkey on runs run .*\n\s+Index Cond: \(id = /);
        expect(plan).not.toMatch(/Hash Join|Merge Join|Seq Scan on runs/);
      });
    },
  );
});
