import { describe, expect, test } from "vitest";
import { parseRetryAfter } from "../../../src/http/retry-after.ts";

const NOW = Date.parse("2026-01-01T00:00:00Z");

describe("parseRetryAfter", () => {
  test.each([
    { value: "0", ms: 0 },
    { value: "3", ms: 3_000 },
    { value: " 1.5 ", ms: 1_500 },
    { value: "Thu, 01 Jan 2026 00:00:30 GMT", ms: 30_000 },
    { value: "Wed, 31 Dec 2025 23:59:00 GMT", ms: 0 },
    { value: "3600", ms: 3_600_000 },
    { value: "86401", ms: 86_400_000 },
    { value: "99999999999999999999", ms: 86_400_000 },
    { value: "Wed, 21 Oct 2099 07:28:00 GMT", ms: 86_400_000 },
    { value: "-5", ms: undefined },
    { value: "soon", ms: undefined },
    { value: "", ms: undefined },
    { value: undefined, ms: undefined },
  ])("reads $value as $ms ms", ({ value, ms }) => {
    expect(parseRetryAfter(value, NOW)).toBe(ms);
  });
});
