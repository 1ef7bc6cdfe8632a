import { sql } from "drizzle-orm";
import { describe, expect, inject, test } from "vitest";
import { createClaim } from "../../../src/ledger/claim-runs.ts";
import { listUnqueuedRuns } from "../../../src/ledger/hand-overs.ts";
import { insertRuns } from "../../../src/ledger/insert-runs.ts";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { rowsOf } from "../../../src/ledger/rows-of.ts";
import { releaseAllLeases } from "../../../src/ledger/run-leases.ts";
import type { NewRun } from "../../../src/ledger/schema.ts";
import { callWaitingRuns, parkRuns } from "../../../src/ledger/turns.ts";
import { undoFuture } from "../../../src/ledger/undo-future.ts";
import { createWriteCheckpoints } from "../../../src/ledger/write-checkpoints.ts";
import { NOW_MS, runNamed } from "./intakes.ts";
import { useLedger } from "./subjects.ts";

/** So few that to read them all looks cheap, and more than a plan may read for one. */
const RUNS = 300;
/** What is read to find one or two of them. */
const FEW = 30;
/** After so many PostgreSQL keeps a plan. */
const OFTEN = 8;

describe.skipIf(inject("postgresUrl") === undefined)("on postgres", () => {
  const { ledger } = useLedger("postgres");

  test.each([
    [
      "claim_runs",
      "'[]', '1s'",
      (id: string) => ({ id, queue: "runs", owner: "w1", nowMs: NOW_MS, untilMs: NOW_MS + 5_000 }) as const,
      createClaim,
    ],
    [
      "write_checkpoints",
      "'[]', '[]', '1s', '[]', '[]'",
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

  test.each([
    ["lays runs aside", (tx: Db) => parkRuns(tx, [`r${RUNS + 1}`], 8, NOW_MS)],
    ["calls runs", (tx: Db) => callWaitingRuns(tx, "app", 1, NOW_MS)],
  ] as const)(
    "who %s goes neither through what has ended nor through what an outage of the queue has left behind",
    async (_who, ask) => {
      const wanted = Array.from({ length: 2 * RUNS }, (_, at) =>
        runNamed(`r${at}`, { app: "app", createdAtMs: NOW_MS + at }),
      );
      await ledger().work.transaction(async (tx) => {
        await insertRuns(tx, [
          { eventKey: "ev-none", wanted, end: { status: "routed", reasons: {} }, nowMs: NOW_MS, floodHold: 1e9 },
        ]);
        await tx.execute(`update relay.runs set queue = null where created_at_ms < ${NOW_MS + RUNS}`);
        await tx.execute(`update relay.runs set waiting_app = app, queued_at_ms = ${NOW_MS} where id = 'r${RUNS}'`);
        const before = await rowsRead(tx);
        await ask(tx);
        expect((await rowsRead(tx)) - before).toBeLessThan(FEW);
      });
    },
  );

  test("a new run of a rule goes through nothing that the rule has done", async () => {
    const [next, ...ended] = Array.from({ length: 2 * RUNS }, (_, at) => runNamed(`r${at}`, { nodeId: `node-${at}` }));
    await ledger().work.transaction(async (tx) => {
      const put = (wanted: readonly NewRun[]) =>
        insertRuns(tx, [
          { eventKey: "ev-none", wanted, end: { status: "routed", reasons: {} }, nowMs: NOW_MS, floodHold: RUNS },
        ]);
      for (let at = 0; at < ended.length; at += FEW) {
        await put(ended.slice(at, at + FEW));
        await tx.execute("update relay.runs set status = 'delivered', queue = null");
      }
      const before = await rowsRead(tx);
      expect(await put(next ? [next] : [])).toEqual(new Set(["r0"]));
      expect((await rowsRead(tx)) - before).toBeLessThan(FEW);
    });
  });

  test("whether a file has a newer version is asked of its own runs alone", async () => {
    const wanted = Array.from({ length: 2 * RUNS }, (_, at) =>
      runNamed(`r${at}`, { nodeId: `node-${at}`, queue: "shares", seenAtMs: NOW_MS }),
    );
    await ledger().work.transaction(async (tx) => {
      await insertRuns(tx, [
        { eventKey: "ev-none", wanted, end: { status: "routed", reasons: {} }, nowMs: NOW_MS, floodHold: 1e9 },
      ]);
      const claim = createClaim(tx);
      const before = await rowsRead(tx);
      for (let at = 0; at < OFTEN; at += 1) {
        const wish = { id: `r${at}`, queue: "shares", owner: "w1", nowMs: NOW_MS, untilMs: NOW_MS + 5_000 } as const;
        expect(await claim([wish])).toMatchObject([{ run: { id: wish.id } }]);
      }
      expect((await rowsRead(tx)) - before).toBeLessThan(OFTEN * FEW);
    });
  });

  test("a start frees what is held without reading what has ended", async () => {
    const wanted = Array.from({ length: 2 * RUNS }, (_, at) => runNamed(`r${at}`));
    const { db } = ledger();
    await db.transaction((tx) =>
      insertRuns(tx, [
        { eventKey: "ev-none", wanted, end: { status: "routed", reasons: {} }, nowMs: NOW_MS, floodHold: 1e9 },
      ]),
    );
    await db.execute("update relay.runs set queue = null where id not in ('r0', 'r1')");
    const held = "('r0', 'r3', 'r4')"; // at work, by whoever ends its link, by whoever closes its link on somebody's word
    await db.execute("update relay.runs set share_expires_by = 'relay', share_expires_at_ms = 1 where id = 'r3'");
    await db.execute("update relay.runs set share_close_asked_at_ms = 1 where id = 'r4'");
    await db.execute(`update relay.runs set lease_owner = 'dead', lease_until_ms = 9e15 where id in ${held}`);
    await db.execute("analyze relay.runs");
    await db.transaction(async (tx) => {
      const before = await rowsRead(tx);
      await releaseAllLeases(tx);
      expect((await rowsRead(tx)) - before).toBeLessThan(FEW);
    });
    const still = await db.execute("select id from relay.runs where lease_owner is not null or lease_until_ms > 0");
    expect(rowsOf(still)).toEqual([]);
  });

  test("what a wrong clock put off is looked for without reading what has ended", async () => {
    const wanted = Array.from({ length: 2 * RUNS }, (_, at) => runNamed(`r${at}`));
    const { db } = ledger();
    await db.transaction((tx) =>
      insertRuns(tx, [
        { eventKey: "ev-none", wanted, end: { status: "routed", reasons: {} }, nowMs: NOW_MS, floodHold: 1e9 },
      ]),
    );
    await db.execute("update relay.runs set queue = null where id not in ('r0', 'r1')");
    await db.execute("update relay.runs set lease_until_ms = 9e15 where id in ('r0', 'r3')");
    await db.execute("analyze relay.runs");
    await db.transaction(async (tx) => {
      const before = await rowsRead(tx);
      expect(await undoFuture(tx, NOW_MS)).toBe(1);
      expect((await rowsRead(tx)) - before).toBeLessThan(FEW);
    });
  });

  test("the sweep reads as much of what waits as it hands over", async () => {
    const wanted = Array.from({ length: 2 * RUNS }, (_, at) => runNamed(`r${at}`, { updatedAtMs: NOW_MS - at }));
    const { db } = ledger();
    await db.transaction((tx) =>
      insertRuns(tx, [
        { eventKey: "ev-none", wanted, end: { status: "routed", reasons: {} }, nowMs: NOW_MS, floodHold: 1e9 },
      ]),
    );
    await db.execute("analyze relay.runs");
    await db.transaction(async (tx) => {
      const before = await rowsRead(tx);
      const [first] = await listUnqueuedRuns(tx, NOW_MS, NOW_MS + 1, FEW / 2);
      expect(first?.id).toBe(wanted.at(-1)?.id);
      expect((await rowsRead(tx)) - before).toBeLessThan(FEW);
    });
  });
});

/** Rows of `runs` that this transaction has read so far. */
async function rowsRead(tx: Db): Promise<number> {
  const read = await tx.execute(
    "select seq_tup_read + idx_tup_fetch as n from pg_stat_xact_user_tables where schemaname = 'relay' and relname = 'runs'",
  );
  return Number(rowsOf(read)[0]?.["n"]);
}
