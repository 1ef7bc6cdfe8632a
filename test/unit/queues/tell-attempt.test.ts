import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { tellAttempt } from "../../../queues/tell-attempt.ts";
import { TransientError } from "../../../src/errors.ts";
import type { RunRow } from "../../../src/ledger/schema.ts";
import { type LogFields, silentLog } from "../../../src/telemetry/log.ts";
import { silentMetrics } from "../../../src/telemetry/metrics.ts";
import { silentTrace } from "../../../src/telemetry/trace.ts";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

function tell(error: unknown) {
  const lines: { readonly event: string; readonly level: string; readonly fields: LogFields }[] = [];
  const counted: unknown[] = [];
  const hear =
    (level: string) =>
    (event: string, fields: LogFields = {}) =>
      lines.push({ event, level, fields });
  tellAttempt(
    {
      log: { ...silentLog, info: hear("info"), warn: hear("warn") },
      metrics: { ...silentMetrics, attempted: (one) => counted.push(one), tokensUsed: (...one) => counted.push(one) },
      trace: silentTrace,
    },
    {
      // As much of a run as a line tells.
      run: { id: "r1", ruleName: "invoices", app: "a1b2c3", traceparent: TRACEPARENT } as RunRow,
      step: "workflow",
      worker: "w1",
      outcome: error === undefined ? "done" : "failed",
      error,
      waitMs: 40,
      workMs: 2_000,
      tally: { upstreamCalls: 3, bytesIn: 10, bytesOut: 0, tokens: 250 },
    },
  );
  return { lines, counted };
}

/** Of the table under "One line per try". */
const documented = (): readonly string[] => {
  const docs = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
  const [, section = ""] = docs.split("## One line per try");
  const rows = section.split("\n## ")[0]?.match(/^\| `.*?` \|/gm) ?? [];
  return rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? ""));
};

test("a try that failed is one line with every field of the documentation and no other", () => {
  const { lines } = tell(new TransientError("dify_overloaded", "busy"));
  expect(lines).toMatchObject([
    {
      event: "run.attempted",
      level: "warn",
      fields: { failure: "transient", code: "dify_overloaded", message: "busy" },
    },
  ]);
  expect(Object.keys(lines[0]?.fields ?? {}).toSorted()).toEqual(documented().toSorted());
});

test("one that went well says what it took, and names the trace of its run", () => {
  const { lines, counted } = tell(undefined);
  expect(lines).toMatchObject([
    {
      level: "info",
      fields: { waitMs: 40, workMs: 2_000, upstreamCalls: 3, bytesIn: 10, tokens: 250, app: "a1b2c3" },
    },
  ]);
  expect(lines[0]?.fields).toMatchObject({ traceId: "0af7651916cd43dd8448eb211c80319c" });
  expect(lines[0]?.fields).not.toHaveProperty("code");
  expect(counted).toEqual([
    { step: "workflow", outcome: "done", failure: undefined, waitMs: 40, workMs: 2_000 },
    ["invoices", 250],
  ]);
});
