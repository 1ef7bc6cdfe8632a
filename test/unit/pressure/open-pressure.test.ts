import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { Db } from "../../../src/ledger/open-ledger.ts";
import { openPressure } from "../../../src/pressure/open-pressure.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createManualClock } from "../dify/manual-clock.ts";

const MINUTE_MS = 60_000;
const FULL = { usedBytes: 90, maxBytes: 100 };

/** Lets a minute pass. @returns how often ledger and queue were asked */
async function minuteOf({ isBusy }: { readonly isBusy: boolean }) {
  const clock = createManualClock();
  const asked = { ledger: 0, queue: 0 };
  const db = {
    select: () => {
      asked.ledger += 1;
      return { from: () => ({ where: async () => [{ depth: 0, oldestMs: null }] }) };
    },
  } as unknown as Db; // all that is asked of it
  const { pressure, stop } = openPressure(async () => "accepted", {
    limits: { outboxEvents: 100, outboxAgeMs: MINUTE_MS, ledgerLagMs: 5_000, queueMemoryPercent: 80, freeBytes: 100 },
    ledger: { db },
    backend: {
      memory: async () => {
        asked.queue += 1;
        return FULL;
      },
    },
    lookout: { sees: () => isBusy },
    clock,
    log: silentLog,
  });
  onTestFinished(stop);
  for (let ms = 0; ms < MINUTE_MS; ms += 1_000) {
    await turn();
    clock.advance(1_000);
  }
  await turn();
  return { ...asked, holdsBack: pressure.holdsBack() };
}

test("where nothing waits, the ledger is not asked how much, and the queue's memory is looked at now and then", async () => {
  const { ledger, queue, holdsBack } = await minuteOf({ isBusy: false });
  expect(ledger).toBe(0);
  expect(queue).toBeGreaterThan(3);
  expect(queue).toBeLessThan(9);
  expect(holdsBack).toBe(true);
});

test("while there is work both are asked every two seconds or so", async () => {
  const { ledger, queue } = await minuteOf({ isBusy: true });
  expect(ledger).toBeGreaterThan(15);
  expect(queue).toBeGreaterThan(15);
});
