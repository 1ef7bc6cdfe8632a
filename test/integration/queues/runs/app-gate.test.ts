import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { type AppGate, createAppGate } from "../../../../queues/runs/app-gate.ts";
import { systemClock } from "../../../../src/clock.ts";
import { openAppLimit } from "../../../../src/ledger/app-limits.ts";
import { takeSlot } from "../../../../src/ledger/app-slots.ts";
import type { QueuedRun } from "../../../../src/ledger/hand-overs.ts";
import { appLimits } from "../../../../src/ledger/schema.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";
import { SOON } from "../../../support/soon.ts";
import { givenRun, openTestLedger, readRunRow, type TestLedger } from "../../../support/test-ledger.ts";
import { sampleRule } from "../../../support/workbench.ts";

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await openTestLedger();
});
afterAll(() => ledger.dispose());

const LIMIT = { start: 1, ceiling: 1 };

/** @param failsFor a run that cannot be handed to the queue */
function openGate(failsFor?: string): { readonly gate: AppGate; readonly sent: QueuedRun[] } {
  const sent: QueuedRun[] = [];
  const sendCalled = async (runs: readonly QueuedRun[]): Promise<boolean> => {
    if (runs.some(({ id }) => id === failsFor)) throw new Error("the queue is away");
    sent.push(...runs);
    return true;
  };
  const gate = createAppGate({
    db: ledger.db,
    clock: systemClock,
    newId: () => randomUUID(),
    log: silentLog,
    outbox: { sendCalled },
    lookout: { until: async () => undefined },
    limit: LIMIT,
  });
  onTestFinished(gate.close);
  return { gate, sent };
}

const app = (): string => randomUUID().slice(0, 12);
const run = (workspaceId = "a-workspace") => ({ id: randomUUID(), workspaceId, createdAtMs: Date.now() });
/** A run that waits in the ledger, as far away as the net below the net. */
const givenWaiting = (waitingApp: string) =>
  givenRun(ledger.db, sampleRule(), { waitingApp, notBeforeMs: Date.now() + 600_000 });

test("a full app keeps two runs ready and sends the rest to wait, while another app's run has its slot", async () => {
  const { gate } = openGate();
  const [full, other] = [app(), app()];
  const signal = new AbortController().signal;
  const places = [await gate.enter(full, run()), await gate.enter(full, run()), await gate.enter(full, run())];
  expect(await places[0]?.slot(signal)).toBeDefined();
  expect(places[1]).toBeDefined();
  expect(places[2]).toBeUndefined();
  // The first has stepped out of its place by now, so one more may come; then it is full.
  expect(await gate.enter(full, run())).toBeDefined();
  expect(await gate.enter(full, run())).toBeUndefined();
  const place = await gate.enter(other, run());
  expect(await place?.slot(signal)).toBeDefined();
});

test("a run that waits is called though nobody was left to call it: its process died", async () => {
  const waitsFor = app();
  const waiting = await givenWaiting(waitsFor);
  // The slot of the dead process ends with its lease.
  await openAppLimit(ledger.db, waitsFor, LIMIT, Date.now());
  await takeSlot(ledger.db, { app: waitsFor, runId: "dead", owner: "dead" }, Date.now());
  const { sent } = openGate();
  await vi.waitFor(() => expect(sent.map(({ id }) => id)).toContain(waiting.id), SOON);
  expect(await readRunRow(ledger.db, waiting.id)).toMatchObject({ waitingApp: null, notBeforeMs: 0, generation: 1 });
});

test("a run is called though a ledger made anew under the relay knows no limit of its app", async () => {
  const { gate, sent } = openGate();
  const waitsFor = app();
  const place = await gate.enter(waitsFor, run());
  place?.leave(false);
  await ledger.db.delete(appLimits);
  const waiting = await givenWaiting(waitsFor);
  await vi.waitFor(() => expect(sent.map(({ id }) => id)).toContain(waiting.id), SOON);
});

test.each(["first", "second"] as const)(
  "trouble with the %s app keeps no other app's runs from being called",
  async (which) => {
    const waiting = { first: await givenWaiting(app()), second: await givenWaiting(app()) };
    const { sent } = openGate(waiting[which].id);
    const other = waiting[which === "first" ? "second" : "first"];
    await vi.waitFor(() => expect(sent.map(({ id }) => id)).toContain(other.id), SOON);
  },
);

test("of those that stand ready, the one whose workspace was served longest ago has the next slot", async () => {
  const { gate } = openGate();
  const full = app();
  const signal = new AbortController().signal;
  const enter = async (workspaceId: string, createdAtMs: number) => {
    const place = await gate.enter(full, { ...run(workspaceId), createdAtMs });
    if (!place) throw new Error("no place");
    return place;
  };
  const atWork = await (await enter("hot", 1)).slot(signal);
  const hot = (await enter("hot", 2)).slot(signal);
  const cold = (await enter("cold", 3)).slot(signal);
  await atWork?.free();
  expect(await Promise.race([hot.then(() => "hot"), cold.then(() => "cold")])).toBe("cold");
  await (await cold)?.free();
  expect(await hot).toBeDefined();
});
