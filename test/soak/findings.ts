import type { Account } from "./account.ts";
import type { Delivered } from "./drop-files.ts";
import type { Struck } from "./emulators-process.ts";
import { judge, type Verdict } from "./judge.ts";
import type { SoakOptions } from "./options.ts";
import type { ReadingTally } from "./read-along.ts";
import { type Point, quantileOf } from "./statistics.ts";
import type { Series } from "./take-samples.ts";
import { type Watched, watchedOf } from "./watched.ts";

/** Where and with what the soak ran. */
export type Setting = {
  readonly beganMs: number;
  readonly commit: string;
  readonly node: string;
  readonly machine: string;
  readonly retentionMs: number;
};

export type JudgedSeries = {
  readonly name: string;
  readonly watched: Watched;
  readonly points: readonly Point[];
  readonly verdict: Verdict;
};

/** Delivery times of one part of the soak, in milliseconds. */
export type Latency = {
  readonly fromMinute: number;
  readonly files: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

/** All that a soak found out. */
export type Findings = {
  readonly options: SoakOptions;
  readonly setting: Setting;
  readonly series: readonly JudgedSeries[];
  readonly latencies: readonly Latency[];
  readonly account: Account;
  readonly struck: readonly Struck[];
  readonly incidents: Readonly<Record<string, number>>;
  readonly readings: ReadingTally;
  readonly replays: number;
  /** Log lines of the relay by level and event, of warnings and errors. */
  readonly complaints: Readonly<Record<string, number>>;
  /** From the end of the load until nothing was owed, in milliseconds. */
  readonly drainMs: number;
};

const WARM_UP_PART = 0.2;
const LATENCY_PARTS = 6;

/** Memory and handles count from a fifth of the soak on, what retention empties only when it has begun to. */
export const warmUntilMs = (durationMs: number, retentionMs: number, followsRetention: boolean): number =>
  Math.max(WARM_UP_PART * durationMs, followsRetention ? 1.1 * retentionMs : 0);

/** How series stand in the report, by the first part of their names; those of one kind stand as they came. */
const ORDER = ["receive", "work", "start", "redis", "postgres", "folder", "relay", "load", "emulators", "jobs", "rows"];
const rankOf = (name: string): number => ORDER.indexOf(name.split(".", 1)[0] ?? "");

/** Judges all series that somebody watches, processes first. @param series times in milliseconds since the epoch */
export function judgeAll(
  series: Series,
  {
    beganMs,
    durationMs,
    retentionMs,
  }: { readonly beganMs: number; readonly durationMs: number; readonly retentionMs: number },
): readonly JudgedSeries[] {
  const inOrder = Object.entries(series).toSorted(([a], [b]) => rankOf(a) - rankOf(b));
  return inOrder.flatMap(([name, all]) => {
    const watched = watchedOf(name);
    const points = all
      .map(({ atMs, value }) => ({ atMs: atMs - beganMs, value }))
      .filter(({ atMs }) => atMs <= durationMs);
    const verdict =
      watched && judge(points, warmUntilMs(durationMs, retentionMs, watched.followsRetention), watched.allowance);
    return watched && verdict ? [{ name, watched, points, verdict }] : [];
  });
}

/** Delivery times over the course of the soak, in equal parts. */
export function latenciesOf(delivered: readonly Delivered[], beganMs: number, durationMs: number): readonly Latency[] {
  const partMs = durationMs / LATENCY_PARTS;
  return Array.from({ length: LATENCY_PARTS }, (_, index) => {
    const fromMs = beganMs + index * partMs;
    const isLast = index === LATENCY_PARTS - 1;
    const times = delivered
      .filter(({ atMs }) => atMs >= fromMs && (isLast || atMs < fromMs + partMs))
      .map(({ ms }) => ms);
    return {
      fromMinute: (index * partMs) / 60_000,
      files: times.length,
      p50Ms: quantileOf(times, 0.5) ?? 0,
      p99Ms: quantileOf(times, 0.99) ?? 0,
    };
  });
}

/** What stands against the promise, in words; empty when it was kept. */
export const whatIsWrong = ({ series, account }: Pick<Findings, "series" | "account">): readonly string[] => [
  ...series.filter(({ verdict }) => verdict.kind === "grows").map(({ watched }) => `grows: ${watched.title}`),
  ...account.faults,
];

/** Counts warnings and errors in what processes of the relay printed. */
export function countComplaints(outputs: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const line of outputs.flatMap((output) => output.split("\n"))) {
    const [, level] = /^\{"level":"?(\w+)"?/.exec(line) ?? [];
    const [, event] = /"event":"([\w.]+)"/.exec(line) ?? [];
    const word =
      level === "40" || level === "warn" ? "warn" : level === "50" || level === "error" ? "error" : undefined;
    if (word === undefined || event === undefined) continue;
    counts[`${word} ${event}`] = (counts[`${word} ${event}`] ?? 0) + 1;
  }
  return counts;
}
