import { describe, expect, test } from "vitest";
import {
  advancePosition,
  beginPosition,
  isHistory,
  OVERLAP_MS,
  parsePosition,
  printPosition,
  probeSince,
  searchSince,
} from "../../../src/catch-up/search-position.ts";

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const MINUTE_MS = 60_000;
const LOOK_BACK_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
const row = (id: string, atMs: number) => ({ id, atMs });

describe("the beginning in a workspace that was never read", () => {
  test("takes the look-back and leaves history alone", () => {
    const recent = [row("new", NOW_MS - MINUTE_MS), row("old", NOW_MS - HOUR_MS)];
    const position = beginPosition(recent, NOW_MS, LOOK_BACK_MS);
    expect(searchSince(position)).toBe(NOW_MS - LOOK_BACK_MS);
    expect(recent.filter((one) => !isHistory(position, one)).map(({ id }) => id)).toEqual(["new"]);
  });

  test("takes nothing of a workspace that has long been quiet, and everything that comes", () => {
    const recent = [row("old", NOW_MS - HOUR_MS), row("older", NOW_MS - 2 * HOUR_MS)];
    const position = beginPosition(recent, NOW_MS, LOOK_BACK_MS);
    for (const one of recent) expect(isHistory(position, one)).toBe(true);
    expect(isHistory(position, row("same second", NOW_MS - HOUR_MS))).toBe(false);
    expect(isHistory(position, row("later", NOW_MS))).toBe(false);
  });

  test.each([
    { skew: "two hours ahead of ours", skewMs: 2 * HOUR_MS },
    { skew: "two hours behind ours", skewMs: -2 * HOUR_MS },
    { skew: "as ours", skewMs: 0 },
  ])("misses nothing later when Fast.io's clock is $skew", ({ skewMs }) => {
    const theirNowMs = NOW_MS + skewMs;
    const position = beginPosition([row("before", theirNowMs - HOUR_MS)], NOW_MS, LOOK_BACK_MS);
    const next = row("next", theirNowMs + 1_000);
    expect(searchSince(position)).toBeLessThanOrEqual(next.atMs);
    expect(isHistory(position, next)).toBe(false);
  });

  test("an empty workspace has no history to leave alone", () => {
    const position = beginPosition([], NOW_MS, LOOK_BACK_MS);
    expect(searchSince(position)).toBe(probeSince(NOW_MS, LOOK_BACK_MS));
    expect(isHistory(position, row("next", NOW_MS - 3 * HOUR_MS))).toBe(false);
  });
});

describe("reading on", () => {
  const begun = beginPosition([row("first", NOW_MS - MINUTE_MS)], NOW_MS, LOOK_BACK_MS);

  test("overlaps by five minutes and never goes before the beginning", () => {
    const later = advancePosition(begun, [row("a", NOW_MS + HOUR_MS)], NOW_MS + HOUR_MS);
    expect(searchSince(later)).toBe(NOW_MS + HOUR_MS - OVERLAP_MS);
    const soon = advancePosition(begun, [row("a", NOW_MS - 14 * MINUTE_MS)], NOW_MS);
    expect(searchSince(soon)).toBe(NOW_MS - LOOK_BACK_MS);
  });

  test("a row from the future does not hide what comes before that time", () => {
    const position = advancePosition(begun, [row("odd", NOW_MS + 24 * HOUR_MS)], NOW_MS);
    expect(position.readMs).toBe(NOW_MS);
  });

  test("never goes back", () => {
    const ahead = advancePosition(begun, [row("a", NOW_MS)], NOW_MS);
    expect(advancePosition(ahead, [row("b", NOW_MS - HOUR_MS)], NOW_MS)).toEqual(ahead);
    expect(advancePosition(ahead, [], NOW_MS - HOUR_MS)).toEqual(ahead);
  });

  test("survives being written down; what is no position begins anew", () => {
    expect(parsePosition(printPosition(begun))).toEqual(begun);
    for (const text of ["", "{}", "[1]", '{"readMs":"1","floorMs":2,"ignored":[]}'])
      expect(parsePosition(text)).toBeUndefined();
  });
});
