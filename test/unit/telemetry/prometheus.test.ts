import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { GAUGES, type GaugeName, type Reading } from "../../../src/telemetry/gauges.ts";
import { createPrometheus } from "../../../src/telemetry/prometheus.ts";

const open = () => createPrometheus({ version: "1.2.3", ofProcess: false });
const everyGauge: readonly Reading[] = Object.entries(GAUGES).map(([gauge, { labels }]) => ({
  gauge: gauge as GaugeName, // of the table itself
  labels: Object.fromEntries(labels.map((label) => [label, "x"])),
  value: 1,
}));

describe("the metrics", () => {
  test("are those that docs/metrics.md lists, with these labels and no others", async () => {
    const told = await open().print(everyGauge);
    const docs = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
    const listed = [...docs.matchAll(/^\| `(relay_\w+)` \|/gm)].map(([, name]) => name);
    const served = [...told.matchAll(/^# HELP (\S+)/gm)].map(([, name]) => name);
    expect(listed.toSorted()).toEqual(served.toSorted());
    for (const [name, { labels }] of Object.entries(GAUGES)) {
      const line = docs.split("\n").find((one) => one.startsWith(`| \`${name}\``));
      expect(line?.split("|")[2]?.trim()).toBe(labels.map((label) => `\`${label}\``).join(", "));
    }
  });

  test("count in seconds and bytes, under the words of the ledger", async () => {
    const { metrics, print } = open();
    metrics.deliveryJudged("fastio", "accepted");
    metrics.acknowledged("fastio", 20);
    metrics.attempted({ step: "fetch", outcome: "failed", failure: "transient", waitMs: 400, workMs: 2_000 });
    metrics.called({ operation: "fastio.share.create", outcome: "ok", ms: 40 });
    metrics.fileMoved("in", 1_000);
    const told = await print([]);
    expect(told).toContain('relay_deliveries_total{route="fastio",verdict="accepted"} 1');
    expect(told).toContain('relay_delivery_ack_seconds_sum{route="fastio"} 0.02');
    expect(told).toContain('relay_attempts_total{step="fetch",outcome="failed",failure="transient"} 1');
    expect(told).toContain('relay_step_wait_seconds_bucket{le="0.5",step="fetch"} 1');
    expect(told).toContain(
      'relay_upstream_call_seconds_count{upstream="fastio",operation="fastio.share.create",outcome="ok"} 1',
    );
    expect(told).toContain('relay_file_bytes_total{direction="in"} 1000');
  });

  test("of thousands of rules are bounded: what comes after the first hundred is other", async () => {
    const { metrics, print } = open();
    for (let rule = 0; rule < 1_000; rule += 1) metrics.tokensUsed(`rule-${rule}`, 1);
    const lines = (await print([])).split("\n").filter((line) => line.startsWith("relay_tokens_total{"));
    expect(lines).toHaveLength(101);
    expect(lines).toContain('relay_tokens_total{rule="other"} 900');
  });

  test("a gauge that was not read this time is left out rather than zero", async () => {
    const { print } = open();
    expect(await print([{ gauge: "relay_runs", labels: { status: "failed" }, value: 2 }])).toContain(
      'relay_runs{status="failed"} 2',
    );
    expect(await print([])).not.toContain("relay_runs{");
  });
});
