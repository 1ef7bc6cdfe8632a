import { expect, test } from "vitest";
import { suggest } from "../../../src/rules/suggest.ts";
import { parseDuration, parseSize } from "../../../src/rules/units.ts";

test.each([
  ["15MB", 15_000_000],
  ["1GiB", 1_073_741_824],
  ["0.5 kB", 500],
  ["0b", 0],
  ["7tb", 7e12],
  [1024, 1024],
  ["15", undefined],
  ["15M", undefined],
  ["-1MB", undefined],
  ["1e3MB", undefined],
  ["1constructor", undefined],
  ["999999999999999TB", undefined],
  [1.5, undefined],
  [-1, undefined],
  [Number.NaN, undefined],
])("size %j is %j bytes", (written, bytes) => {
  expect(parseSize(written)).toBe(bytes);
});

test.each([
  ["20m", 1_200_000],
  ["90s", 90_000],
  ["500ms", 500],
  ["1.5h", 5_400_000],
  ["2d", 172_800_000],
  ["20", undefined],
  ["20 minutes", undefined],
  ["", undefined],
])("time %j is %j ms", (written, ms) => {
  expect(parseDuration(written)).toBe(ms);
});

test.each([
  ["foldr", "folder"],
  ["max_size", "maxSize"],
  ["Files", "files"],
  ["colour", undefined],
  ["x".repeat(100_000), undefined],
])("%.20s was meant to be %s", (written, meant) => {
  expect(suggest(written, ["folder", "files", "maxSize"])).toBe(meant);
});
