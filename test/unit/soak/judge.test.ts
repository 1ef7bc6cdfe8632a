import { describe, expect, test } from "vitest";
import { judge, SHORTEST_SPAN_MS } from "../../soak/judge.ts";
import { quantileOf, slopePerHour } from "../../soak/statistics.ts";

const MINUTE_MS = 60_000;
const ALLOWED = { partOfMean: 0.1, absolute: 10 };

/** A value each ten seconds of an hour. */
const anHour = (valueAt: (minute: number) => number) =>
  Array.from({ length: 360 }, (_, index) => ({ atMs: index * 10_000, value: valueAt(index / 6) }));

describe("the slope", () => {
  test("is the growth in an hour, wherever time begins", () => {
    const points = anHour((minute) => 100 + minute / 2);
    expect(slopePerHour(points)).toBeCloseTo(30);
    const later = points.map(({ atMs, value }) => ({ atMs: atMs + 1_795_000_000_000, value }));
    expect(slopePerHour(later)).toBeCloseTo(30);
  });

  test("passes over what goes up and down", () => {
    expect(Math.abs(slopePerHour(anHour((minute) => 200 + (minute % 5) * 10)) ?? Number.NaN)).toBeLessThan(10);
  });

  test("is not to be had of one moment", () => {
    expect(slopePerHour([])).toBe(undefined);
    expect(slopePerHour([{ atMs: 5, value: 1 }])).toBe(undefined);
  });
});

test.each([
  { part: 0, value: 1 },
  { part: 0.5, value: 3 },
  { part: 0.99, value: 5 },
  { part: 1, value: 5 },
])("the quantile at $part of five values is one of them", ({ part, value }) => {
  expect(quantileOf([5, 3, 1, 4, 2], part)).toBe(value);
});

describe("the verdict", () => {
  test("a series that grows by more than is allowed grows, after warm-up", () => {
    const leak = anHour((minute) => 100 + minute);
    expect(judge(leak, 12 * MINUTE_MS, ALLOWED)).toMatchObject({ kind: "grows", allowed: expect.closeTo(13.6, 0) });
    expect(
      judge(
        anHour((minute) => 100 + minute / 20),
        12 * MINUTE_MS,
        ALLOWED,
      )?.kind,
    ).toBe("flat");
  });

  test("what grows during warm-up alone is flat", () => {
    const points = anHour((minute) => Math.min(minute, 10) * 30);
    expect(judge(points, 12 * MINUTE_MS, ALLOWED)).toMatchObject({ kind: "flat", first: 300, last: 300, most: 300 });
    expect(judge(points, 0, ALLOWED)?.kind).toBe("grows");
  });

  test("a small thing may grow by the fixed amount, though that is much of it", () => {
    expect(
      judge(
        anHour((minute) => 3 + minute / 15),
        0,
        { partOfMean: 0, absolute: 5 },
      )?.kind,
    ).toBe("flat");
    expect(
      judge(
        anHour((minute) => 3 + minute / 6),
        0,
        { partOfMean: 0, absolute: 5 },
      )?.kind,
    ).toBe("grows");
  });

  test("what falls does not grow", () => {
    expect(
      judge(
        anHour((minute) => 500 - 5 * minute),
        0,
        ALLOWED,
      )?.kind,
    ).toBe("flat");
  });

  test("a leak of a handle for each of a few requests is seen through noise", () => {
    const points = anHour((minute) => 40 + Math.floor(minute / 4) + (Math.floor(minute * 6) % 7));
    expect(judge(points, 12 * MINUTE_MS, { partOfMean: 0, absolute: 5 })?.kind).toBe("grows");
  });

  test("too short a time is told as that, and what is not judged as that", () => {
    const short = anHour((minute) => 100 * minute).filter(({ atMs }) => atMs < SHORTEST_SPAN_MS);
    expect(judge(short, 0, ALLOWED)?.kind).toBe("too_short");
    expect(
      judge(
        anHour((minute) => 100 * minute),
        0,
        undefined,
      ),
    ).toMatchObject({ kind: "told", allowed: undefined });
    expect(judge(short, SHORTEST_SPAN_MS, ALLOWED)).toBe(undefined);
  });
});
