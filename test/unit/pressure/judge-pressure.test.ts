import { describe, expect, test } from "vitest";
import {
  judgePressure,
  type PressureLimits,
  type PressureSigns,
  retryAfterSeconds,
  type Strain,
} from "../../../src/pressure/judge-pressure.ts";

const NOW_MS = 1_795_327_200_000;
const HOUR_MS = 3_600_000;
const LIMITS: PressureLimits = {
  outboxEvents: 1_000,
  outboxAgeMs: 10 * HOUR_MS,
  ledgerLagMs: 5_000,
  queueMemoryPercent: 80,
  freeBytes: 100,
};
const CALM: PressureSigns = {
  outbox: { depth: 0, oldestMs: null },
  ledgerLagMs: 2,
  queueMemory: { usedBytes: 10, maxBytes: 100 },
  freeBytes: 100_000,
};
const aged = (depth: number, hours: number) => ({ depth, oldestMs: NOW_MS - hours * HOUR_MS });

const judge = (signs: Partial<PressureSigns>, before: readonly Strain[] = []) =>
  judgePressure(before, { ...CALM, ...signs }, LIMITS, NOW_MS);
const reasonsOf = (...args: Parameters<typeof judge>) => judge(...args).map(({ reason }) => reason);
const since = (reason: Strain["reason"], ms: number): Strain => ({ reason, sinceMs: NOW_MS - ms, detail: "" });

describe("what is past its limit", () => {
  test.each<readonly [string, Partial<PressureSigns>, readonly string[]]>([
    ["nothing, where all is well", {}, []],
    ["nothing, where nothing is known", { outbox: undefined, queueMemory: undefined, freeBytes: undefined }, []],
    ["an outbox just below its limit", { outbox: aged(999, 1) }, []],
    ["an outbox at its limit", { outbox: aged(1_000, 1) }, ["outbox_size"]],
    ["many events that are old", { outbox: aged(10, 10) }, ["outbox_age"]],
    ["many events that are not quite as old", { outbox: aged(10, 9.9) }, []],
    ["a few events that cannot be handed over, however old", { outbox: aged(9, 9_999) }, []],
    ["a ledger that takes its time", { ledgerLagMs: 4_999 }, []],
    ["a ledger that takes too long", { ledgerLagMs: 5_000 }, ["ledger_lag"]],
    ["a queue with room", { queueMemory: { usedBytes: 79, maxBytes: 100 } }, []],
    ["a queue without", { queueMemory: { usedBytes: 80, maxBytes: 100 } }, ["queue_memory"]],
    ["a disk with room", { freeBytes: 101 }, []],
    ["a disk without", { freeBytes: 100 }, ["disk_full"]],
    ["a disk without a byte", { freeBytes: 0 }, ["disk_full"]],
  ])("%s", (_, signs, reasons) => {
    expect(reasonsOf(signs)).toEqual(reasons);
  });
});

describe("what was past its limit", () => {
  test.each<readonly [string, Partial<PressureSigns>, Strain["reason"], boolean]>([
    ["an outbox that shrinks", { outbox: aged(801, 1) }, "outbox_size", true],
    ["an outbox that has shrunk", { outbox: aged(800, 1) }, "outbox_size", false],
    ["old events that are worked off", { outbox: aged(500, 9) }, "outbox_age", true],
    ["old events that were worked off", { outbox: aged(500, 8) }, "outbox_age", false],
    ["a ledger that is still slow", { ledgerLagMs: 2_501 }, "ledger_lag", true],
    ["a ledger that is quick again", { ledgerLagMs: 2_500 }, "ledger_lag", false],
    [
      "a ledger that nobody waits for, and that does not answer",
      { ledgerLagMs: 0, outbox: undefined },
      "ledger_lag",
      true,
    ],
    ["an outbox that cannot be read", { outbox: undefined }, "outbox_size", true],
    ["a queue that is worked off", { queueMemory: { usedBytes: 73, maxBytes: 100 } }, "queue_memory", true],
    ["a queue that was worked off", { queueMemory: { usedBytes: 72, maxBytes: 100 } }, "queue_memory", false],
    ["a queue that does not answer", { queueMemory: undefined }, "queue_memory", false],
    ["a disk with a little room", { freeBytes: 199 }, "disk_full", true],
    ["a disk with room", { freeBytes: 200 }, "disk_full", false],
  ])("%s", (_, signs, reason, isStrained) => {
    const [strain] = judge(signs, [since(reason, 60_000)]);
    expect(strain?.sinceMs).toBe(isStrained ? NOW_MS - 60_000 : undefined);
  });
});

describe("who is sent away is told when to come again", () => {
  test.each<readonly [string, readonly Strain[], number | undefined]>([
    ["nobody, where nothing is strained", [], undefined],
    ["nobody, because of the queue alone", [since("queue_memory", HOUR_MS)], undefined],
    ["soon, when the ledger just began to lag", [since("ledger_lag", 100)], 5],
    ["as late again as it has lagged", [since("ledger_lag", 40_000)], 40],
    ["within a minute, however long it has lagged", [since("ledger_lag", HOUR_MS)], 60],
    ["in a minute, when the outbox just got too long", [since("outbox_size", 100)], 60],
    ["within a quarter of an hour at the latest", [since("outbox_age", 9 * HOUR_MS)], 900],
    ["by the longest, when there are several", [since("ledger_lag", 100), since("disk_full", 120_000)], 120],
  ])("%s", (_, strains, seconds) => {
    expect(retryAfterSeconds(strains, NOW_MS)).toBe(seconds);
  });
});
