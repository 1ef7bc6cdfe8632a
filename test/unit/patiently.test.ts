import { expect, test } from "vitest";
import { PermanentError, TransientError } from "../../src/errors.ts";
import { patiently } from "../../src/patiently.ts";

const { signal } = new AbortController();

/** Work that fails so often, and what was slept meanwhile. */
function failing(times: number, error: () => unknown) {
  const slept: number[] = [];
  let calls = 0;
  const clock = {
    sleep: async (ms: number) => {
      slept.push(ms);
    },
  };
  const work = async (): Promise<string> => {
    calls += 1;
    if (calls <= times) throw error();
    return "done";
  };
  return { slept, calls: () => calls, run: () => patiently(work, { clock, signal }) };
}

test("what fails in passing is done again, after longer and longer", async () => {
  const { run, slept } = failing(3, () => new Error("the connection is lost"));
  expect(await run()).toBe("done");
  expect(slept).toEqual([1_000, 4_000, 16_000]);
});

test("it is given up at the fourth time, with what was wrong then", async () => {
  const { run, calls } = failing(9, () => new TransientError("upstream_unavailable", "away"));
  await expect(run()).rejects.toMatchObject({ code: "upstream_unavailable" });
  expect(calls()).toBe(4);
});

test("what is permanent is not tried again, nor what is asked to wait for longer than any window of requests is", async () => {
  const permanent = failing(1, () => new PermanentError("forbidden", "closed"));
  await expect(permanent.run()).rejects.toMatchObject({ code: "forbidden" });
  const later = failing(1, () => new TransientError("rate_limited", "later", { retryAfterMs: 900_000 }));
  await expect(later.run()).rejects.toMatchObject({ code: "rate_limited" });
  expect([permanent.calls(), later.calls()]).toEqual([1, 1]);
});

test.each([30_000, 600_000])("it waits for %d ms when the upstream asks for it", async (retryAfterMs) => {
  const { run, slept } = failing(1, () => new TransientError("rate_limited", "later", { retryAfterMs }));
  expect(await run()).toBe("done");
  expect(slept).toEqual([retryAfterMs]);
});
