import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openAppLimit, raiseAppLimit, readAppRoom } from "../../../../src/ledger/app-limits.ts";
import { takeSlot } from "../../../../src/ledger/app-slots.ts";
import { findPausedApp, setAppState } from "../../../../src/ledger/app-states.ts";
import { listAttempts } from "../../../../src/ledger/attempts.ts";
import { operatorActions, type RunRow } from "../../../../src/ledger/schema.ts";
import { SOON } from "../../../support/soon.ts";
import { openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { openWorkbench, type Workbench } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const bench = (): Promise<Workbench> => openWorkbench(ledger.db);
const appOf = ({ app }: RunRow): string => {
  if (app === null) throw new Error("the run names no app");
  return app;
};
const change = (app: string, state: "active" | "paused", reason: string | null = null) =>
  setAppState(ledger.db, { app, state, reason, changedBy: "operator anna", sinceMs: Date.now() }, {});

test("runs of a paused app wait and burn no attempt, another app's go on, and all go on once it is resumed", async () => {
  const [it, other] = [await bench(), await bench()];
  const run = await it.drop();
  await change(appOf(run), "paused", "its prompt is mended");
  expect(await it.turn(run.id)).toEqual({ kind: "done" });
  expect(await readRunRow(ledger.db, run.id)).toMatchObject({
    status: "queued",
    queue: "runs",
    waitingApp: run.app,
    progress: "waits: its Dify app is paused (its prompt is mended)",
    failures: 0,
  });
  expect(await listAttempts(ledger.db, run.id)).toEqual([]);
  expect(it.dify.books().uploads).toEqual([]);
  expect((await other.drive((await other.drop()).id)).run.status).toBe("delivered");

  await change(appOf(run), "active");
  await vi.waitFor(async () => expect((await readRunRow(ledger.db, run.id)).waitingApp).toBeNull(), SOON);
  expect((await it.drive(run.id)).run).toMatchObject({ status: "delivered" });
});

test("what Dify works on ends as it does, though its app is paused meanwhile", async () => {
  const it = await bench();
  const { id, app } = await it.drop();
  if (app === null) throw new Error("the run names no app");
  const turn = it.turn(id);
  await vi.waitFor(() => expect(it.dify.books().runs).toHaveLength(1), SOON);
  await change(app, "paused");
  await turn;
  expect((await it.drive(id)).run.status).toBe("delivered");
});

test("a paused app gives no slot and is tried with no more of them", async () => {
  const app = "a-paused-app";
  const longAgoMs = Date.now() - 3_600_000;
  await openAppLimit(ledger.db, app, { start: 2, ceiling: 5 }, longAgoMs);
  await change(app, "paused");
  expect(await takeSlot(ledger.db, { app, runId: "r", owner: "o" }, Date.now())).toBeUndefined();
  expect(await readAppRoom(ledger.db, app, Date.now())).toEqual({ slots: 2, free: 0 });
  expect(await raiseAppLimit(ledger.db, app, 5, Date.now())).toBeUndefined();
  await change(app, "active");
  expect(await takeSlot(ledger.db, { app, runId: "r", owner: "o" }, Date.now())).toMatchObject({ slot: 1 });
});

test("asked twice, or by two at once, an app is paused once, and the first reason stands unless another comes", async () => {
  const app = "asked-twice";
  const before = await ledger.db.$count(operatorActions);
  expect((await Promise.all([change(app, "paused", "why"), change(app, "paused", "why")])).sort()).toEqual([
    false,
    true,
  ]);
  expect(await change(app, "paused")).toBe(false);
  expect(await change(app, "paused", "another")).toBe(true);
  expect(await findPausedApp(ledger.db, app)).toMatchObject({ app, state: "paused", reason: "another" });
  expect(await change(app, "active")).toBe(true);
  expect(await change(app, "active")).toBe(false);
  expect((await ledger.db.$count(operatorActions)) - before).toBe(3);
});
