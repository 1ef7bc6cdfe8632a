import { describe, expect, test } from "vitest";
import { createReadMetrics, type FigurePart } from "../../../handlers/read-metrics.ts";
import { systemClock } from "../../../src/clock.ts";
import type { Reading } from "../../../src/telemetry/gauges.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createPrometheus } from "../../../src/telemetry/prometheus.ts";

const delivered = (value: number): readonly Reading[] => [
  { gauge: "relay_runs", labels: { status: "delivered" }, value },
];

function reader(parts: readonly FigurePart[], now = systemClock.now) {
  const prometheus = createPrometheus({ version: "0", ofProcess: false });
  const clock = { ...systemClock, now };
  return createReadMetrics({ prometheus, parts, clock, log: silentLog, limitMs: 30 });
}

describe("asking for the metrics", () => {
  test.each([
    ["fails", () => Promise.reject(new Error("away"))],
    ["never answers", () => new Promise<never>(() => undefined)],
  ])("a part that %s is left out and counted; the others stand", async (_how, read) => {
    const ask = reader([
      { name: "ledger", read, freshMs: 1_000 },
      { name: "runs", read: async () => delivered(3), freshMs: 1_000 },
    ]);
    const { text } = await ask();
    expect(text).toContain('relay_runs{status="delivered"} 3');
    expect(text).toContain('relay_scrape_errors_total{part="ledger"} 1');
    expect(text).not.toContain('part="runs"');
  });

  test("many who ask at once cost one reading, and so do those who ask soon after", async () => {
    let read = 0;
    let nowMs = 0;
    const part: FigurePart = { name: "runs", freshMs: 5_000, read: async () => delivered(++read) };
    const ask = reader([part], () => nowMs);
    await Promise.all([ask(), ask(), ask()]);
    nowMs = 4_999;
    await ask();
    expect(read).toBe(1);
    nowMs = 5_000;
    expect((await ask()).text).toContain('relay_runs{status="delivered"} 2');
  });

  test("a reading that hangs is not asked for again before it has ended", async () => {
    let read = 0;
    const hanging = () => {
      read += 1;
      return new Promise<never>(() => undefined);
    };
    const ask = reader([{ name: "runs", freshMs: 0, read: hanging }]);
    await ask();
    expect((await ask()).text).toContain('relay_scrape_errors_total{part="runs"} 2');
    expect(read).toBe(1);
  });
});
