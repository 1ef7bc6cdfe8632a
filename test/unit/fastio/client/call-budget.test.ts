import fc from "fast-check";
import { expect, test } from "vitest";
import type { Clock } from "../../../../src/clock.ts";
import { createCallBudget } from "../../../../src/fastio/client/call-budget.ts";

const clockOf = () => {
  let now = 0;
  const clock: Clock = {
    now: () => now,
    sleep: async (ms) => {
      now += ms;
    },
  };
  return clock;
};

test("no window of any limit ever holds more calls than it may", async () => {
  const limit = fc.record({ calls: fc.integer({ min: 1, max: 8 }), perMs: fc.integer({ min: 1, max: 1_000 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(limit, { maxLength: 3 }),
      fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 40 }),
      async (limits, pauses) => {
        const clock = clockOf();
        const enter = createCallBudget(limits, clock);
        const times: number[] = [];
        for (const pause of pauses) {
          await clock.sleep(pause);
          await enter(new AbortController().signal);
          times.push(clock.now());
        }
        for (const { calls, perMs } of limits) {
          for (const [at, time] of times.entries()) {
            const before = times[at - calls];
            if (before !== undefined) expect(time - before).toBeGreaterThanOrEqual(perMs);
          }
        }
      },
    ),
  );
});

test("a caller who gives up holds nobody back", async () => {
  const enter = createCallBudget([{ calls: 1, perMs: 1_000 }], clockOf());
  const abort = new AbortController();
  abort.abort(new Error("given up"));
  await expect(enter(abort.signal)).rejects.toThrow("given up");
  await enter(new AbortController().signal);
});
