import { describe, expect, test } from "vitest";
import { retryDelayMs } from "../../../queues/backends/retry-delay.ts";
import { TransientError } from "../../../src/errors.ts";

const LATE = { random: () => 0.999_999_999, baseMs: 1_000, ceilingMs: 300_000 };
const EARLY = { ...LATE, random: () => 0 };

describe("the pause after a failed attempt", () => {
  test.each([
    { attempt: 1, lowMs: 500, highMs: 1_000 },
    { attempt: 2, lowMs: 1_000, highMs: 2_000 },
    { attempt: 5, lowMs: 8_000, highMs: 16_000 },
    { attempt: 9, lowMs: 128_000, highMs: 256_000 },
    { attempt: 10, lowMs: 150_000, highMs: 300_000 },
    { attempt: 5_000, lowMs: 150_000, highMs: 300_000 },
  ])("after attempt $attempt is between $lowMs and $highMs ms", ({ attempt, lowMs, highMs }) => {
    expect(retryDelayMs(attempt, new Error("any"), EARLY)).toBe(lowMs);
    expect(retryDelayMs(attempt, new Error("any"), LATE)).toBe(highMs);
  });

  test.each([
    { retryAfterMs: 45_000, expectedMs: 45_000 },
    { retryAfterMs: 3_600_000, expectedMs: 3_600_000 },
    { retryAfterMs: 0, expectedMs: 1 },
  ])("is what the upstream asked for: $retryAfterMs ms", ({ retryAfterMs, expectedMs }) => {
    expect(retryDelayMs(3, new TransientError("rate_limited", "wait", { retryAfterMs }), LATE)).toBe(expectedMs);
  });

  test("doubles when the upstream named no time", () => {
    expect(retryDelayMs(2, new TransientError("timed_out", "late"), EARLY)).toBe(1_000);
  });
});
