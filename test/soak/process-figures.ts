import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type Metric, sumOf } from "./prometheus-text.ts";

const MIB = 1_048_576;
/** Clock ticks a second in /proc/PID/stat: fixed at 100 for programs, whatever the kernel counts in. */
const TICKS = 100;

/** What the kernel tells of a process. */
export type KernelFigures = {
  readonly rss: number;
  readonly threads: number;
  readonly descriptors: number;
  readonly sockets: number;
  /** Processor time since its start, in milliseconds. */
  readonly cpuMs: number;
};

/** Linux only. Memory in MiB. @throws when there is no such process, or no /proc */
export function readKernel(pid: number): KernelFigures {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const fieldOf = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  // Behind the name, which may hold anything, in parentheses.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  const links = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
  return {
    rss: fieldOf("VmRSS") / 1_024,
    threads: fieldOf("Threads"),
    descriptors: links.length,
    sockets: links.filter((link) => link.startsWith("socket:")).length,
    cpuMs: ((Number(stat[11]) + Number(stat[12])) / TICKS) * 1_000,
  };
}

/** What a relay process tells of itself, by the last part of the series' names; what it does not tell is left out. */
export function ownFigures(metrics: readonly Metric[]): Readonly<Record<string, number>> {
  const told = {
    heap: scaled(sumOf(metrics, "nodejs_heap_size_used_bytes"), 1 / MIB),
    external: scaled(sumOf(metrics, "nodejs_external_memory_bytes"), 1 / MIB),
    resources: sumOf(metrics, "nodejs_active_resources_total"),
    lag: scaled(sumOf(metrics, "nodejs_eventloop_lag_p99_seconds"), 1_000),
  };
  return Object.fromEntries(Object.entries(told).filter((entry): entry is [string, number] => entry[1] !== undefined));
}

const scaled = (value: number | undefined, by: number): number | undefined =>
  value === undefined ? undefined : value * by;
