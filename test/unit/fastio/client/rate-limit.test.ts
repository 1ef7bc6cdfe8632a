import { describe, expect, test } from "vitest";
import { readRateLimitWaitMs, readRequestsLeft } from "../../../../src/fastio/client/rate-limit.ts";

const NOW = Date.parse("2026-04-24T23:49:00Z");
const EPOCH = String(NOW / 1_000 + 7);

describe("the wait after a 429 comes from", () => {
  test.each([
    ["Retry-After", { "retry-after": "2", "x-ve-limit-expires": EPOCH }, 2_000],
    ["the new header as epoch", { "x-ve-limit-expires": EPOCH, "x-rate-limit-expiry": "0" }, 7_000],
    ["the old header as epoch", { "x-rate-limit-expiry": EPOCH }, 7_000],
    ["a date and time", { "x-ve-limit-expires": "2026-04-24 23:49:04 UTC" }, 4_000],
    ["an ISO date", { "x-rate-limit-expiry": "2026-04-24T23:49:04Z" }, 4_000],
    ["a reset that is past", { "x-ve-limit-expires": "1" }, 0],
    ["a reset in milliseconds, which is believed for an hour", { "x-ve-limit-expires": `${EPOCH}000` }, 3_600_000],
    ["a date that is years away", { "x-rate-limit-expiry": "2099-01-01 00:00:00 UTC" }, 3_600_000],
    ["a Retry-After of years", { "retry-after": "999999999" }, 86_400_000],
    ["nothing that can be read", { "x-ve-limit-expires": "soon" }, 60_000],
    ["nothing at all", {}, 60_000],
  ])("%s", (_what, headers: Record<string, string>, ms) => {
    expect(readRateLimitWaitMs(headers, NOW)).toBe(ms);
  });
});

test.each([
  { what: "an hour behind", offMs: -3_600_000 },
  { what: "a day ahead", offMs: 86_400_000 },
])("with our clock $what the wait is the same, for the answer tells the server's", ({ offMs }) => {
  const date = new Date(NOW).toUTCString();
  const inFiveSeconds = new Date(NOW + 5_000).toUTCString();
  expect(readRateLimitWaitMs({ date, "x-ve-limit-expires": EPOCH }, NOW + offMs)).toBe(7_000);
  expect(readRateLimitWaitMs({ date, "retry-after": inFiveSeconds }, NOW + offMs)).toBe(5_000);
});

test("requests left are read under both names", () => {
  expect(readRequestsLeft({ "x-ve-limit-avail": "3" })).toBe(3);
  expect(readRequestsLeft({ "x-rate-limit-available": "0" })).toBe(0);
  expect(readRequestsLeft({})).toBeUndefined();
});
