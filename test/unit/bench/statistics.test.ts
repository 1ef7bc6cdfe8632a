import { expect, test } from "vitest";
import { inRounds, median, quantile, ratios } from "../../bench/frame/statistics.ts";

test("a median is the middle one, or lies between the middle two", () => {
  expect(median([30, 10, 20])).toBe(20);
  expect(median([40, 10, 20, 30])).toBe(25);
  expect(median([7])).toBe(7);
});

test("a quantile lies between its neighbours, and the order in which numbers came does not matter", () => {
  const numbers = [5, 1, 4, 2, 3];
  expect(quantile(numbers, 0)).toBe(1);
  expect(quantile(numbers, 1)).toBe(5);
  expect(quantile(numbers, 0.25)).toBe(2);
  expect(quantile(numbers, 0.9)).toBeCloseTo(4.6);
  expect(numbers).toEqual([5, 1, 4, 2, 3]);
});

test("numbers are compared as numbers, not as text", () => {
  expect(median([9, 10, 100])).toBe(10);
});

test("of nothing there is no median", () => {
  expect(median([])).toBeNaN();
});

test("rounds are told by their median, with the lowest and the highest", () => {
  expect(inRounds([12, 10, 11])).toEqual({ value: 11, spread: [10, 12] });
});

test("a ratio is taken round by round, so that a slow round slows neither side of it", () => {
  expect(ratios([50, 5, 50], [100, 10, 100])).toEqual([0.5, 0.5, 0.5]);
});
