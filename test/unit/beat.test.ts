import { expect, test } from "vitest";
import { untilBeat } from "../../src/beat.ts";

test("whoever begins, the next beat is at the same moment, and at least half of it away", () => {
  for (const everyMs of [20, 1_000, 2_000, 15_000]) {
    const beforeMs = performance.now();
    const leftMs = untilBeat(everyMs);
    const afterMs = performance.now();
    expect(leftMs).toBeGreaterThanOrEqual(everyMs / 2);
    expect(leftMs).toBeLessThan(1.5 * everyMs);
    // The moment is a whole number of beats since the start, as exactly as this test knows when it asked.
    const beat = Math.round((beforeMs + leftMs) / everyMs) * everyMs;
    expect(beat).toBeGreaterThanOrEqual(beforeMs + leftMs - 1e-6);
    expect(beat).toBeLessThanOrEqual(afterMs + leftMs + 1e-6);
  }
});
