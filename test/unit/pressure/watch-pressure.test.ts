import { expect, onTestFinished, test, vi } from "vitest";
import type { PressureLimits } from "../../../src/pressure/judge-pressure.ts";
import { withPressure } from "../../../src/pressure/open-pressure.ts";
import { type WatchPressureDeps, watchPressure } from "../../../src/pressure/watch-pressure.ts";
import type { Log } from "../../../src/telemetry/log.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { SOON } from "../../support/soon.ts";
import { createManualClock } from "../dify/manual-clock.ts";

const LIMITS: PressureLimits = {
  outboxEvents: 100,
  outboxAgeMs: 3_600_000,
  ledgerLagMs: 5_000,
  queueMemoryPercent: 80,
  freeBytes: 100,
};

function watch(change: Partial<WatchPressureDeps["ask"]> = {}, lag = { ms: 0 }) {
  const clock = createManualClock();
  const told: string[] = [];
  const note: Log["info"] = (event, fields) => told.push(`${event} ${fields?.["reason"]}`);
  const pressure = watchPressure({
    limits: LIMITS,
    ledgerLagMs: () => lag.ms,
    ask: {
      outbox: async () => ({ depth: 0, oldestMs: null }),
      queueMemory: async () => undefined,
      freeBytes: async () => undefined,
      ...change,
    },
    clock,
    log: { ...silentLog, info: note, warn: note },
  });
  onTestFinished(pressure.stop);
  return { clock, pressure, told };
}

/** Lets the clock go on until it is so. */
const untilSo = (clock: ReturnType<typeof createManualClock>, check: () => void): Promise<void> =>
  vi.waitFor(
    () => {
      clock.advance(500);
      check();
    },
    { ...SOON, interval: 1 },
  );

test("beginning and end of a strain are told once each, and answered in between", async () => {
  let depth = 100;
  const { clock, pressure, told } = watch({ outbox: async () => ({ depth, oldestMs: clock.now() }) });
  await untilSo(clock, () => expect(pressure.retryAfterSeconds()).toBe(60));
  await untilSo(clock, () => expect(pressure.retryAfterSeconds()).toBeGreaterThan(90));
  depth = 80;
  await untilSo(clock, () => expect(pressure.retryAfterSeconds()).toBeUndefined());
  expect(told).toEqual(["pressure.begun outbox_size", "pressure.over outbox_size"]);
});

test("a question that is not answered is forgotten, and not asked again before it has ended", async () => {
  let asked = 0;
  const { clock, pressure } = watch({
    outbox: () => {
      asked += 1;
      return new Promise(() => undefined);
    },
  });
  for (let step = 0; step < 50; step += 1) {
    clock.advance(1_000);
    await Promise.resolve();
  }
  expect(asked).toBe(1);
  expect(pressure.strains()).toEqual([]);
});

test("a lag of the ledger is seen though nothing answers", async () => {
  const lag = { ms: 6_000 };
  const { clock, pressure } = watch({ outbox: () => new Promise(() => undefined) }, lag);
  await untilSo(clock, () => expect(pressure.retryAfterSeconds()).toBeGreaterThanOrEqual(5));
});

test("a queue without room holds work back and refuses nobody", async () => {
  const { clock, pressure } = watch({ queueMemory: async () => ({ usedBytes: 90, maxBytes: 100 }) });
  await untilSo(clock, () => expect(pressure.holdsBack()).toBe(true));
  expect(pressure.retryAfterSeconds()).toBeUndefined();
});

test("what catch-up found stays where it is for as long; what is at the door already is written down", async () => {
  const accept = withPressure(async () => "accepted", { retryAfterSeconds: () => 60 });
  await expect(accept({ kind: "pulled", events: [] })).rejects.toMatchObject({
    code: "ledger_unavailable",
    retryAfterMs: 60_000,
  });
  const facts = { id: "d", receivedAtMs: 0, route: "fastio", bodyBytes: 0 };
  await expect(accept({ kind: "delivery", facts, events: [] })).resolves.toBe("accepted");
});
