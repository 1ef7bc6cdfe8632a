import { setImmediate } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createAppGate } from "../../../../queues/runs/app-gate.ts";
import type { Db } from "../../../../src/ledger/open-ledger.ts";
import { silentLog } from "../../../../src/telemetry/log.ts";

/** A ledger that is asked which apps runs wait for, and answers when it is told to. */
function openSlowLedger() {
  const asked: ((rows: readonly never[]) => void)[] = [];
  const from = () => new Promise<readonly never[]>((resolve) => asked.push(resolve));
  return { db: { select: () => ({ from }) } as unknown as Db, asked };
}

test("a ledger that keeps the gate waiting is not asked by ever more", async () => {
  const { db, asked } = openSlowLedger();
  const sleepers: (() => void)[] = [];
  const gate = createAppGate({
    db,
    clock: { now: () => 0, sleep: () => new Promise((resolve) => sleepers.push(resolve)) },
    newId: () => "a-process",
    log: silentLog,
    outbox: { sendCalled: async () => true },
    lookout: { until: async () => undefined },
    limit: { start: 1, ceiling: 1 },
  });
  onTestFinished(gate.close);
  const letTimePass = async (): Promise<void> => {
    for (let times = 0; times < 20; times += 1) {
      for (const wake of sleepers.splice(0)) wake();
      await setImmediate();
    }
  };
  await letTimePass();
  expect(asked).toHaveLength(1);
  asked[0]?.([]);
  await letTimePass();
  expect(asked).toHaveLength(2);
});
