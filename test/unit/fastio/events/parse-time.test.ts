import { expect, test } from "vitest";
import { parseTime } from "../../../../src/fastio/events/parse-time.ts";

const MAY_MS = Date.UTC(2026, 4, 18, 19, 26, 25);

test.each([
  ["2026-05-18 19:26:25 UTC", MAY_MS],
  ["2026-05-18 19:26:25", MAY_MS],
  ["2026-05-18T19:26:25Z", MAY_MS],
  ["2026-05-18t19:26:25z", MAY_MS],
  ["2026-05-18T19:26:25.5Z", MAY_MS + 500],
  ["2026-05-18 19:26:25.123456 UTC", MAY_MS + 123],
  ["2026-05-18T21:26:25+02:00", MAY_MS],
  ["2026-05-18T13:56:25-0530", MAY_MS],
  [" 2026-05-18T19:26Z ", MAY_MS - 25_000],
  ["2026-05-18", Date.UTC(2026, 4, 18)],
  ["2028-02-29", Date.UTC(2028, 1, 29)],
  [MAY_MS / 1000, MAY_MS],
  [MAY_MS / 1000 + 0.25, MAY_MS + 250],
  [MAY_MS, MAY_MS],
  [String(MAY_MS / 1000), MAY_MS],
  [String(MAY_MS), MAY_MS],
])("%j is read", (value, ms) => {
  expect(parseTime(value)).toBe(ms);
});

test.each([
  "",
  "now",
  "2026",
  "2026-13-01",
  "2026-02-30",
  "2026-00-10",
  "2026-05-18 24:00:00 UTC",
  "2026-05-18 19:60:00 UTC",
  "2026-05-18 19:26:25 CET",
  "18/05/2026",
  "1999-12-31T23:59:59Z",
  "2100-01-01",
  "12345678901234567890",
  -1,
  0,
  42,
  1e300,
  Number.NaN,
  null,
  undefined,
  true,
  {},
])("%j is no time", (value) => {
  expect(parseTime(value)).toBeUndefined();
});
