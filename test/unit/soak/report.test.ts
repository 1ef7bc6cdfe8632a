import { describe, expect, test } from "vitest";
import {
  countComplaints,
  type Findings,
  judgeAll,
  latenciesOf,
  warmUntilMs,
  whatIsWrong,
} from "../../soak/findings.ts";
import { printFigures, printReport } from "../../soak/report.ts";
import { sparkline } from "../../soak/sparkline.ts";

const BEGAN_MS = Date.UTC(2026, 10, 22, 16);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const everyMinute = (valueAt: (minute: number) => number) =>
  Array.from({ length: 61 }, (_, minute) => ({ atMs: BEGAN_MS + minute * MINUTE_MS, value: valueAt(minute) }));

function findingsOf(
  change: { readonly rss?: (minute: number) => number; readonly faults?: readonly string[] } = {},
): Findings {
  const series = {
    "work.rss": everyMinute(change.rss ?? ((minute) => 150 + (minute % 3))),
    "work.descriptors": everyMinute(() => 40),
    "rows.runs": everyMinute((minute) => Math.min(minute, 15) * 180),
    "rows.bulk_items": everyMinute(() => 0),
    "work.colour": everyMinute(() => 1),
  };
  return {
    options: {
      minutes: 60,
      rate: 3,
      store: "redis + postgres",
      report: "soak.md",
      json: "soak.json",
      seed: "soak",
      logs: undefined,
    },
    setting: { beganMs: BEGAN_MS, commit: "abc1234", node: "24.21.0", machine: "2 cores", retentionMs: 864_000 },
    series: judgeAll(series, { beganMs: BEGAN_MS, durationMs: HOUR_MS, retentionMs: 864_000 }),
    latencies: latenciesOf([{ atMs: BEGAN_MS + 5, ms: 700 }], BEGAN_MS, HOUR_MS),
    account: {
      dropped: 100,
      taken: 90,
      versions: 8,
      workflowRuns: 90,
      shares: 90,
      delivered: 90,
      faults: change.faults ?? [],
    },
    struck: [
      {
        match: { path: "/workflows/run", probability: 0.01 },
        times: 0,
        action: { kind: "cut_after", frames: 2 },
        on: "Dify",
        fired: 31,
      },
    ],
    incidents: { "line to redis cut": 9 },
    readings: { reads: 5_000, failed: 2, streams: 900, forged: 700 },
    replays: 4,
    complaints: { "warn outbox.postponed": 12 },
    drainMs: 3_000,
  };
}

describe("the report", () => {
  test("says first that all is well, and then how each series fared", () => {
    const text = printReport(findingsOf());
    expect(text).toContain(
      "**Flat, nothing lost, nothing doubled.** 60 minutes at 3 files a second on redis + postgres",
    );
    expect(text).toMatch(/\| work: resident memory \| 15[01]\.0 MiB \|.*\| flat \|/);
    expect(text).toMatch(/\| rows of runs \| 2700 \| 2700 \|.*\| flat \|/);
    expect(text).toContain("| cut_after (frames 2) | Dify, /workflows/run | 31 |");
    expect(text).toContain("| line to redis cut |  | 9 |");
    expect(text).toContain("`warn outbox.postponed`");
    expect(text).not.toContain("bulk_items");
    expect(text).not.toContain("colour");
  });

  test("draws the memory, in a block of its own", () => {
    expect(printReport(findingsOf())).toMatch(
      /```text\nwork: resident memory +[▁▂▃▄▅▆▇█]+ {2}150\.0 MiB to 152\.0 MiB\n/,
    );
  });

  test("names what grows and what was lost before anything else", () => {
    const findings = findingsOf({
      rss: (minute) => 150 + 2 * minute,
      faults: ["/Inbox/1/a: 0 finished workflow runs"],
    });
    expect(whatIsWrong(findings)).toEqual(["grows: work: resident memory", "/Inbox/1/a: 0 finished workflow runs"]);
    const text = printReport(findings);
    expect(text).toContain("**2 faults.**");
    expect(text.indexOf("- grows: work: resident memory")).toBeLessThan(text.indexOf("## What ran"));
  });

  test("a trial does not claim that nothing grows", () => {
    const { series, ...rest } = findingsOf();
    const short = series.map((one) => ({ ...one, verdict: { ...one.verdict, kind: "too_short" as const } }));
    const text = printReport({ ...rest, series: short });
    expect(text).toContain("**Too short to tell what grows; nothing lost, nothing doubled.**");
  });

  test("the figures are JSON, by the minute", () => {
    const figures = JSON.parse(printFigures(findingsOf()));
    expect(figures.series["work.rss"]).toMatchObject({ unit: "MiB", kind: "flat" });
    expect(figures.series["work.rss"].byMinute).toHaveLength(61);
    expect(figures.wrong).toEqual([]);
  });
});

test("rows count from when retention is at work, memory from a fifth of the time on", () => {
  expect(warmUntilMs(HOUR_MS, 864_000, false)).toBe(12 * MINUTE_MS);
  expect(warmUntilMs(HOUR_MS, 864_000, true)).toBeCloseTo(950_400);
});

test("latencies are told in parts of the time; what comes after the end is in the last", () => {
  const at = (minute: number, ms: number) => ({ atMs: BEGAN_MS + minute * MINUTE_MS, ms });
  const told = latenciesOf([at(1, 500), at(2, 700), at(3, 900), at(59, 5_000), at(61, 9_000)], BEGAN_MS, HOUR_MS);
  expect(told).toHaveLength(6);
  expect(told[0]).toEqual({ fromMinute: 0, files: 3, p50Ms: 700, p99Ms: 900 });
  expect(told[5]).toEqual({ fromMinute: 50, files: 2, p50Ms: 5_000, p99Ms: 9_000 });
});

test("warnings and errors in the log are counted by their event", () => {
  const lines = [
    '{"level":"warn","time":"2026-11-22T16:00:00.000Z","what":"events","event":"outbox.postponed"}',
    '{"level":"warn","time":"2026-11-22T16:00:01.000Z","event":"outbox.postponed"}',
    '{"level":"error","time":"2026-11-22T16:00:02.000Z","event":"rules.refused"}',
    '{"level":"info","time":"2026-11-22T16:00:03.000Z","event":"relay.started"}',
    "no JSON at all",
  ];
  expect(countComplaints([lines.slice(0, 1).join("\n"), lines.slice(1).join("\n")])).toEqual({
    "warn outbox.postponed": 2,
    "error rules.refused": 1,
  });
});

describe("the line of bars", () => {
  const line = (values: readonly number[], width?: number) =>
    sparkline(
      values.map((value, atMs) => ({ atMs, value })),
      width,
    );

  test("goes from the least to the most", () => {
    expect(line([1, 2, 3, 4, 5, 6, 7, 8])).toBe("▁▂▃▄▅▆▇█");
  });

  test("is flat where next to nothing moves", () => {
    expect(new Set(line([1_000, 1_001, 1_000, 1_000]))).toEqual(new Set(["▁", "▂"]));
    expect(line([0, 0, 0])).toBe("▁▁▁");
  });

  test("is no longer than asked for, and empty of nothing", () => {
    expect([
      ...line(
        Array.from({ length: 500 }, (_, index) => index),
        40,
      ),
    ]).toHaveLength(40);
    expect(line([])).toBe("");
  });
});
