import { monitorEventLoopDelay } from "node:perf_hooks";
import { Gauge, type Registry } from "prom-client";

/**
 * How often the loop is looked at. prom-client's own meter looks a hundred times a second, which is a third of what a
 * relay at rest computes; four times are still a third of what wakes it. Whatever holds the loop up for longer than this
 * is still seen, each time.
 */
const RESOLUTION_MS = 500;
const NS_PER_SECOND = 1e9;

type Delays = ReturnType<typeof monitorEventLoopDelay>;

const FIGURES: readonly (readonly [name: string, words: string, ns: (delays: Delays) => number])[] = [
  ["min", "Least", ({ min }) => min],
  ["mean", "Mean", ({ mean }) => mean],
  ["p50", "50th percentile of the", (delays) => delays.percentile(50)],
  ["p90", "90th percentile of the", (delays) => delays.percentile(90)],
  ["p99", "99th percentile of the", (delays) => delays.percentile(99)],
  ["max", "Greatest", ({ max }) => max],
];

/**
 * Measures by how much the event loop is late, under prom-client's names. The pause between two looks is taken off,
 * which it is not there: a loop that is never late tells 0.
 * @returns sets the figures to what was seen since the last call
 */
export function measureLoopLag(registry: Registry): () => void {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const gauges = FIGURES.map(([name, words, ns]) => ({
    ns,
    gauge: new Gauge({
      name: `nodejs_eventloop_lag_${name}_seconds`,
      help: `${words} lag of the event loop since the last scrape.`,
      registers: [registry],
    }),
  }));
  return () => {
    for (const { ns, gauge } of gauges)
      gauge.set(delays.count === 0 ? 0 : Math.max(0, ns(delays) / NS_PER_SECOND - RESOLUTION_MS / 1_000));
    delays.reset();
  };
}
