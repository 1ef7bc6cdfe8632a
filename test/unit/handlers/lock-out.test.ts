import { expect, test } from "vitest";
import { createLockOut } from "../../../handlers/lock-out.ts";
import { type LogFields, silentLog } from "../../../src/telemetry/log.ts";

const NOW_MS = 1_764_000_000_000;
const MINUTE_MS = 60_000;

function openLockOut(mostClients?: number) {
  const told: { readonly event: string; readonly fields: LogFields | undefined }[] = [];
  const log = { ...silentLog, warn: (event: string, fields?: LogFields) => void told.push({ event, fields }) };
  const lockOut = createLockOut(log, mostClients);
  return {
    ...lockOut,
    told,
    fail: (client: string, times: number, nowMs = NOW_MS) => {
      for (let time = 0; time < times; time += 1) lockOut.failed(client, nowMs);
    },
  };
}

test("nine wrong tokens cost nothing, the tenth half a minute, and each after it twice as long, up to a quarter of an hour", () => {
  const it = openLockOut();
  it.fail("a", 9);
  expect(it.waitMs("a", NOW_MS)).toBe(0);
  it.fail("a", 1);
  expect(it.waitMs("a", NOW_MS)).toBe(30_000);
  expect(it.waitMs("a", NOW_MS + 29_000)).toBe(1_000);
  expect(it.waitMs("a", NOW_MS + 30_000)).toBe(0);
  it.fail("a", 1);
  expect(it.waitMs("a", NOW_MS)).toBe(60_000);
  it.fail("a", 50);
  expect(it.waitMs("a", NOW_MS)).toBe(15 * MINUTE_MS);
  expect(it.told[0]).toEqual({ event: "access.locked_out", fields: { client: "a", failures: 10, waitMs: 30_000 } });
});

test("others are not kept out by it", () => {
  const it = openLockOut();
  it.fail("203.0.113.7", 20);
  expect(it.waitMs("203.0.113.8", NOW_MS)).toBe(0);
});

test("a right token, or a quarter of an hour without a wrong one, makes good what was before", () => {
  const it = openLockOut();
  it.fail("a", 9);
  it.succeeded("a");
  it.fail("a", 9);
  expect(it.waitMs("a", NOW_MS)).toBe(0);
  it.fail("a", 1, NOW_MS + 16 * MINUTE_MS);
  expect(it.waitMs("a", NOW_MS + 16 * MINUTE_MS)).toBe(0);
});

test("an IPv6 network is one client, however its addresses are written", () => {
  const it = openLockOut();
  for (const client of ["2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", "2001:0DB8:0001:0002::9", "2001:db8:1:2:ffff::"])
    it.fail(client, 3);
  expect(it.waitMs("2001:db8:1:2::abcd", NOW_MS)).toBeGreaterThan(0);
  expect(it.waitMs("2001:db8:1:3::1", NOW_MS)).toBe(0);
  it.fail("::1", 10);
  expect(it.waitMs("::1", NOW_MS)).toBeGreaterThan(0);
});

test("when very many clients fail, each new one has two tries; who did not fail is let in", () => {
  const it = openLockOut();
  for (let client = 0; client < 200; client += 1) it.fail(`client-${client}`, 1);
  it.fail("late", 1);
  expect(it.waitMs("late", NOW_MS)).toBe(0);
  it.fail("late", 1);
  expect(it.waitMs("late", NOW_MS)).toBeGreaterThan(0);
  expect(it.waitMs("fresh", NOW_MS)).toBe(0);
  expect(it.told.filter(({ event }) => event === "access.many_failures")).toHaveLength(1);
  it.fail("calm", 9, NOW_MS + 2 * MINUTE_MS);
  expect(it.waitMs("calm", NOW_MS + 2 * MINUTE_MS)).toBe(0);
});

test("only so many clients are remembered, those that failed last", () => {
  const it = openLockOut(3);
  it.fail("a", 10);
  for (const client of ["b", "c"]) it.fail(client, 1);
  it.fail("a", 1);
  it.fail("d", 1);
  expect(it.waitMs("a", NOW_MS)).toBeGreaterThan(0);
  it.fail("b", 9);
  expect(it.waitMs("b", NOW_MS)).toBe(0);
});
