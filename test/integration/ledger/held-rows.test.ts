import { sql } from "drizzle-orm";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { openAppLimit, readAppRoom } from "../../../src/ledger/app-limits.ts";
import { freeSlot, type TakenSlot, takeSlot } from "../../../src/ledger/app-slots.ts";
import { listOverdueRuns, markRunsQueued, markRunsSeen, renewRunGeneration } from "../../../src/ledger/hand-overs.ts";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { listOutputs, markPlaced, saveOutput } from "../../../src/ledger/outputs.ts";
import { createRunLeases } from "../../../src/ledger/run-leases.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createRuns } from "../../support/create-runs.ts";
import { createTestDatabase } from "../../support/servers.ts";
import { NOW_MS, runNamed } from "./intakes.ts";

const ROUTED = { status: "routed", reasons: {} } as const;
const IDS = ["held", "r1", "r2"] as const;

describe.skipIf(inject("postgresUrl") === undefined)("a row that somebody holds", () => {
  async function givenRuns() {
    const database = await createTestDatabase(inject("postgresUrl") ?? "");
    onTestFinished(() => database.drop());
    const { db, work, close } = await openLedger(database.url, silentLog);
    onTestFinished(close);
    const wanted = IDS.map((id) => ({ ...runNamed(id), nodeId: id }));
    await createRuns(db, "ev-none", wanted, ROUTED, NOW_MS);
    return { db, work };
  }

  test("keeps its own run waiting, and no other", async () => {
    const { db, work } = await givenRuns();
    const { claim, renew, checkpoint } = createRunLeases(work);
    const untilMs = NOW_MS + 5_000;
    const owner = "us";
    const onAll = async <T>(write: (id: string) => Promise<T>): Promise<{ held: Promise<T>; others: readonly T[] }> => {
      const [held, ...others] = IDS.map(write);
      if (held === undefined) throw new Error("there is one");
      held.catch(() => undefined); // awaited later
      return { held, others: await Promise.all(others) };
    };

    const claims = await db.transaction(async (tx) => {
      await tx.execute(sql`select from relay.runs where id = 'held' for update`);
      return onAll((id) => claim({ id, queue: "runs", owner, nowMs: NOW_MS, untilMs }));
    });
    expect(claims.others).toMatchObject([{ kind: "claimed" }, { kind: "claimed" }]);
    expect(await claims.held).toMatchObject({ kind: "claimed" });

    const [renewals, checkpoints] = await db.transaction(async (tx) => {
      await tx.execute(sql`select from relay.runs where id = 'held' for update`);
      const [all, written] = await Promise.all([
        onAll((id) => renew({ id, owner, untilMs })),
        onAll((id) => checkpoint({ id, owner, change: { progress: "on its way" }, nowMs: NOW_MS })),
      ]);
      // Nor the next time, a second later: what was asked for the held one still waits.
      expect(await renew({ id: "r1", owner, untilMs })).toMatchObject({ cancelAskedAtMs: null });
      return [all, written] as const;
    });
    expect(renewals.others).toMatchObject([{ cancelAskedAtMs: null }, { cancelAskedAtMs: null }]);
    expect(checkpoints.others).toMatchObject([{ run: { progress: "on its way" } }, { run: { id: "r2" } }]);
    expect(await renewals.held).toMatchObject({ cancelAskedAtMs: null });
    expect(await checkpoints.held).toMatchObject({ run: { progress: "on its way" } });
  });

  test("keeps no other slot from being given back, and no other output from being known as placed", async () => {
    const { db, work } = await givenRuns();
    await openAppLimit(work, "an-app", { start: IDS.length, ceiling: IDS.length }, NOW_MS);
    const slots: TakenSlot[] = [];
    for (const runId of IDS) {
      const slot = await takeSlot(work, { app: "an-app", runId, owner: "us" }, NOW_MS);
      if (slot) slots.push(slot);
      await saveOutput(work, {
        runId,
        ordinal: 0,
        name: "a.txt",
        kind: "text",
        mimeType: "text/plain",
        size: 1,
        content: "a",
      });
    }
    const done: string[] = [];
    const all = await db.transaction(async (tx) => {
      await tx.execute(sql`select from relay.app_slots where run_id = 'held' for update`);
      await tx.execute(sql`select from relay.outputs where run_id = 'held' for update`);
      const freed = slots.map((slot) => freeSlot(work, slot).then(() => done.push(`freed ${slot.runId}`)));
      const placed = IDS.map((runId) =>
        markPlaced(work, { runId, ordinal: 0, nodeId: `node of ${runId}`, placedAtMs: NOW_MS }).then(() =>
          done.push(`placed ${runId}`),
        ),
      );
      await Promise.all([...freed.slice(1), ...placed.slice(1)]);
      expect(done.toSorted()).toEqual(["freed r1", "freed r2", "placed r1", "placed r2"]);
      return [...freed, ...placed];
    });
    await Promise.all(all);
    expect(await readAppRoom(work, "an-app", NOW_MS)).toEqual({ slots: IDS.length, free: IDS.length });
    expect(await listOutputs(work, "held")).toMatchObject([{ nodeId: "node of held", content: null }]);
  });

  test("is left to a later sweep, which goes on with the others", async () => {
    const { db } = await givenRuns();
    await markRunsQueued(db, IDS, NOW_MS);
    const overdue = async (beforeMs: number) =>
      (await listOverdueRuns(db, 2 * NOW_MS, beforeMs, 10)).map(({ id }) => id);
    await db.transaction(async (tx) => {
      await tx.execute(sql`select from relay.runs where id = 'held' for update`);
      expect(await renewRunGeneration(db, "held", 0)).toBe(false);
      await markRunsSeen(db, IDS, NOW_MS + 10);
      expect(await overdue(NOW_MS + 5)).toEqual(["held"]);
    });
    expect(await renewRunGeneration(db, "held", 0)).toBe(true);
  });
});
