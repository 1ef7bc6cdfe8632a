import { describe, expect, test } from "vitest";
import { drainMsOf, longestOf, sumEnded, sumOpen } from "../../../handlers/sum-runs.ts";
import type { EndedRuns, OpenRuns } from "../../../src/ledger/overview-queries.ts";

const open = (status: OpenRuns["status"], count: number, oldestMs = 1_000): OpenRuns => ({
  ...{ ruleName: "r", app: "a", status, count, oldestMs },
});
const ended = (status: EndedRuns["status"], count: number, change: Partial<EndedRuns> = {}): EndedRuns => ({
  ...{ ruleName: "r", app: "a", status, isRecent: false, count, tookMs: 0, timed: 0, workMs: 0 },
  ...change,
});

test("what has not ended waits, is at work, or waits for a person; the oldest is that of those that wait", () => {
  const runs = [
    open("queued", 2, 700),
    open("fetching", 1, 500),
    open("running", 3, 100),
    open("delivering", 1, 100),
    open("paused", 4, 100),
    open("held", 5, 100),
  ];
  expect(sumOpen(runs)).toEqual({ waiting: 3, atWork: 4, paused: 4, held: 5, oldestMs: 500 });
  expect(sumOpen([open("held", 1)])).toMatchObject({ waiting: 0, oldestMs: null });
});

test("success is of what was delivered or failed, and what nobody wanted any more counts for neither", () => {
  const runs = [
    ended("delivered", 3, { tookMs: 3_000, isRecent: true }),
    ended("delivered", 1, { tookMs: 9_000 }),
    ended("failed", 1, { tookMs: 1 }),
    ended("cancelled", 2),
    ended("skipped", 1),
  ];
  expect(sumEnded(runs)).toEqual({
    lastHour: { delivered: 3, failed: 0, dropped: 0, success: 1, meanMs: 1_000 },
    lastDay: { delivered: 4, failed: 1, dropped: 3, success: 0.8, meanMs: 3_000 },
  });
  expect(sumEnded([ended("cancelled", 1)]).lastDay).toMatchObject({ success: null, meanMs: null });
});

describe("the time to drain", () => {
  const tenSeconds = ended("delivered", 4, { timed: 4, workMs: 40_000 });

  test("is that of the runs that wait and half of those at work, spread over the slots", () => {
    expect(drainMsOf([open("queued", 8), open("running", 4)], [tenSeconds], 2)).toBe(50_000);
  });

  test("goes by the last hour where that tells something", () => {
    const faster = ended("delivered", 1, { isRecent: true, timed: 1, workMs: 2_000 });
    expect(drainMsOf([open("queued", 3)], [tenSeconds, faster], 3)).toBe(2_000);
  });

  test("is nothing when nothing waits, and unknown when no run tells how long one takes or nothing is given", () => {
    expect(drainMsOf([open("running", 3)], [], undefined)).toBe(0);
    expect(drainMsOf([open("queued", 3)], [ended("failed", 2)], 3)).toBeNull();
    expect(drainMsOf([open("queued", 3)], [tenSeconds], undefined)).toBeNull();
  });

  test("of all apps is that of the slowest", () => {
    expect(longestOf([1, 5, 0])).toBe(5);
    expect(longestOf([])).toBe(0);
    expect(longestOf([1, null, 5])).toBeNull();
  });
});
