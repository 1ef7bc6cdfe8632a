import { expect, test } from "vitest";
import type { Accept } from "../../../src/ledger/accept.ts";
import { createCommitMeter } from "../../../src/pressure/commit-meter.ts";

const INTAKE = { kind: "pulled", events: [] } as const;

function openMeter() {
  let nowMs = 0;
  const commits: ((error?: Error) => void)[] = [];
  const accept: Accept = () =>
    new Promise((resolve, reject) => {
      commits.push((error) => (error ? reject(error) : resolve("accepted")));
    });
  const meter = createCommitMeter(accept, () => nowMs);
  return {
    ...meter,
    pass: (ms: number) => {
      nowMs += ms;
    },
    /** The commit of whoever waits longest ends. */
    commit: async (how: "done" | "failed" | "refused" = "done") => {
      const cause = new Error("Failed query", { cause: Object.assign(new Error("no"), { code: "22021" }) });
      commits.shift()?.(how === "done" ? undefined : new Error("no", how === "refused" ? { cause } : {}));
      await new Promise((settled) => setImmediate(settled));
    },
  };
}

test("where nobody waits, nothing lags", () => {
  const meter = openMeter();
  meter.pass(60_000);
  expect(meter.lagMs()).toBe(0);
});

test("who waits for a commit that does not come shows the lag, before it comes", async () => {
  const meter = openMeter();
  void meter.measured(INTAKE);
  meter.pass(4_000);
  expect(meter.lagMs()).toBe(4_000);
});

test.each(["done", "failed"] as const)(
  "a slow commit is remembered for a moment when it is %s, and then forgotten",
  async (how) => {
    const meter = openMeter();
    const told = meter.measured(INTAKE).catch(() => "rejected");
    meter.pass(7_000);
    await meter.commit(how);
    expect(await told).toBe(how === "done" ? "accepted" : "rejected");
    expect(meter.lagMs()).toBe(7_000);
    meter.pass(2_001);
    expect(meter.lagMs()).toBe(0);
  },
);

test("many who wait are no lag while they are served one after the other", async () => {
  const meter = openMeter();
  for (let one = 0; one < 100; one += 1) {
    void meter.measured(INTAKE);
    meter.pass(1);
  }
  for (let one = 0; one < 50; one += 1) await meter.commit();
  meter.pass(10);
  expect(meter.lagMs()).toBeLessThanOrEqual(110);
});

test("commits fail from one that did until one that did not, or nobody has tried for a while", async () => {
  const meter = openMeter();
  const tryOne = async (how: "done" | "failed" | "refused") => {
    meter.measured(INTAKE).catch(() => undefined); // as wanted
    await meter.commit(how);
    return meter.fails();
  };
  expect(meter.fails()).toBe(false);
  expect(await tryOne("failed")).toBe(true);
  meter.pass(14_000);
  expect(meter.fails()).toBe(true);
  expect(await tryOne("done")).toBe(false);
  expect(await tryOne("failed")).toBe(true);
  meter.pass(16_000);
  expect(meter.fails()).toBe(false);
  // The fault of what was to be written is not the ledger's.
  expect(await tryOne("refused")).toBe(false);
});
