import { setTimeout as delay } from "node:timers/promises";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { measureLoopLag } from "../../../src/telemetry/loop-lag.ts";
import { createPrometheus } from "../../../src/telemetry/prometheus.ts";

const figureIn = (text: string, name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);

/** Nothing else is done meanwhile. */
function holdUp(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

test("whatever holds the event loop up is seen at the next scrape", async () => {
  const registry = new Registry();
  const read = measureLoopLag(registry);
  // How long the first look is late nobody knows.
  await delay(700);
  holdUp(900);
  // The loop turns before anybody is served.
  await delay(1);
  read();
  expect(figureIn(await registry.metrics(), "nodejs_eventloop_lag_max_seconds")).toBeGreaterThan(0.3);
});

test("a process tells the lag of its loop once for each figure, beside the usual ones of Node", async () => {
  const text = await createPrometheus({ version: "1.2.3", ofProcess: true }).print([]);
  const lags = [...text.matchAll(/^# TYPE (nodejs_eventloop_\S+)/gm)].map(([, name]) => name);
  expect(lags.toSorted()).toEqual(
    ["max", "mean", "min", "p50", "p90", "p99"].map((figure) => `nodejs_eventloop_lag_${figure}_seconds`),
  );
  expect(text).toContain("nodejs_heap_size_used_bytes");
  expect(figureIn(text, "nodejs_eventloop_lag_max_seconds")).toBe(0);
});
