import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { readText } from "./ask-relay.ts";
import type { Load } from "./drop-files.ts";
import { ownFigures, readKernel } from "./process-figures.ts";
import { readMetrics } from "./prometheus-text.ts";
import type { Point } from "./statistics.ts";
import { relayFigures } from "./store-figures.ts";
import type { World } from "./world.ts";

/** All series by their names, each in the order of time. */
export type Series = Readonly<Record<string, readonly Point[]>>;

export type Sampler = {
  readonly series: Series;
  /** The last value of a series. */
  last(name: string): number | undefined;
  /** Takes a sample now. */
  take(): Promise<void>;
  /** Takes samples at an even pace until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
};

const SAMPLE_EVERY_MS = 10_000;

export function createSampler({ parts, emulators, stores }: World, load: Pick<Load, "owed">): Sampler {
  const series: Record<string, Point[]> = {};
  const cpu = new Map<number, { readonly atMs: number; readonly cpuMs: number }>();
  const note = (atMs: number, figures: Readonly<Record<string, number>>, prefix = ""): void => {
    for (const [name, value] of Object.entries(figures)) {
      if (!Number.isFinite(value)) continue;
      series[prefix + name] ??= [];
      series[prefix + name]?.push({ atMs, value });
    }
  };
  const noteProcess = (atMs: number, name: string, pid: number): void => {
    const { cpuMs, ...figures } = readKernel(pid);
    const before = cpu.get(pid);
    cpu.set(pid, { atMs, cpuMs });
    note(atMs, figures, `${name}.`);
    if (before) note(atMs, { cpu: (100 * (cpuMs - before.cpuMs)) / (atMs - before.atMs) }, `${name}.`);
  };
  const take = async (): Promise<void> => {
    const atMs = Date.now();
    note(atMs, { "load.owed": load.owed(), "load.machine": loadavg()[0] ?? 0 });
    noteProcess(atMs, "emulators", emulators.pid);
    for (const { name, process } of parts) noteProcess(atMs, name, process.pid);
    // A line may be cut while we ask; what is not told now is told the next time.
    const asked = parts.map(async ({ name, metricsUrl }, index) => {
      const metrics = readMetrics(await readText(metricsUrl));
      note(atMs, ownFigures(metrics), `${name}.`);
      // What is read of ledger and queue is the same in every process.
      if (index === 0) note(atMs, relayFigures(metrics));
    });
    const looked = stores.map(async (store) => note(atMs, await store.read()));
    await Promise.allSettled([...asked, ...looked]);
  };
  return {
    series,
    last: (name) => series[name]?.at(-1)?.value,
    take,
    run: async (signal) => {
      while (!signal.aborted) {
        const beganMs = Date.now();
        await take();
        const restMs = Math.max(0, SAMPLE_EVERY_MS - (Date.now() - beganMs));
        await delay(restMs, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}
