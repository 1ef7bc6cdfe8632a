import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { createBoundedLabel } from "./bounded-label.ts";
import { GAUGES, type GaugeName, type Reading } from "./gauges.ts";
import { measureLoopLag } from "./loop-lag.ts";
import type { Metrics } from "./metrics.ts";

/** Rules that get series of their own; a thousand would be too many for most. */
const MOST_RULES = 100;

/** Seconds. Answers are meant to be fast, steps may take as long as a workflow does. */
const ACK_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const CALL_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const STEP_BUCKETS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400];

export type Prometheus = {
  readonly metrics: Metrics;
  /** A part of the figures could not be read. */
  scrapeFailed(part: string): void;
  /** What was counted and these readings, in Prometheus' text form. */
  print(readings: readonly Reading[]): Promise<string>;
  readonly contentType: string;
};

export type PrometheusOptions = {
  readonly version: string;
  /** Figures of the process, such as the lag of its event loop; they cannot be stopped, so tests go without. */
  readonly ofProcess: boolean;
};

/** The metrics of one process. `docs/metrics.md` lists them. */
export function createPrometheus({ version, ofProcess }: PrometheusOptions): Prometheus {
  const registry = new Registry();
  const registers = [registry];
  const readProcess = ofProcess ? measureProcess(registry) : undefined;
  new Gauge({ name: "relay_build_info", help: "1, with the version.", labelNames: ["version", "node"], registers }).set(
    { version, node: process.versions.node },
    1,
  );
  const scrapeErrors = new Counter({
    name: "relay_scrape_errors_total",
    help: "Parts of the figures that could not be read in time and were left out.",
    labelNames: ["part"],
    registers,
  });
  const metrics = createCounters(registers);
  return {
    metrics,
    contentType: registry.contentType,
    scrapeFailed: (part) => scrapeErrors.inc({ part }),
    print: async (readings) => {
      readProcess?.();
      return `${await registry.metrics()}\n${await printReadings(readings)}`;
    },
  };
}

/** Milliseconds; the longest that a timer takes. */
const NEVER = 2 ** 31 - 1;

/** The usual figures of a Node process, but for the lag of its event loop, which ours measures with less effort. */
function measureProcess(registry: Registry): () => void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: NEVER });
  for (const { name } of registry.getMetricsAsArray())
    if (name.startsWith("nodejs_eventloop_lag")) registry.removeSingleMetric(name);
  return measureLoopLag(registry);
}

function createCounters(registers: Registry[]): Metrics {
  const rules = createBoundedLabel(MOST_RULES);
  const deliveries = new Counter({
    name: "relay_deliveries_total",
    help: "Deliveries by verdict: accepted, duplicate, ignored, refused, or unavailable when the ledger could not commit.",
    labelNames: ["route", "verdict"],
    registers,
  });
  const acks = new Histogram({
    name: "relay_delivery_ack_seconds",
    help: "Time from the head of a request with deliveries to its answer.",
    labelNames: ["route"],
    buckets: ACK_BUCKETS,
    registers,
  });
  const drops = new Counter({
    name: "relay_events_dropped_total",
    help: "Events that a rule did not want, by what they failed; rule * stands for events no rule was asked about.",
    labelNames: ["rule", "reason"],
    registers,
  });
  const attempts = new Counter({
    name: "relay_attempts_total",
    help: "Tries at a step of a run; failure is empty when nothing failed.",
    labelNames: ["step", "outcome", "failure"],
    registers,
  });
  const waits = new Histogram({
    name: "relay_step_wait_seconds",
    help: "How long a step could have begun before it did.",
    labelNames: ["step"],
    buckets: STEP_BUCKETS,
    registers,
  });
  const works = new Histogram({
    name: "relay_step_work_seconds",
    help: "How long a try at a step took.",
    labelNames: ["step", "outcome"],
    buckets: STEP_BUCKETS,
    registers,
  });
  const ended = new Counter({
    name: "relay_runs_ended_total",
    help: "Runs that a worker of this process brought to their end.",
    labelNames: ["rule", "status"],
    registers,
  });
  const durations = new Histogram({
    name: "relay_run_seconds",
    help: "Time from a run's making to its end.",
    labelNames: ["status"],
    buckets: STEP_BUCKETS,
    registers,
  });
  const calls = new Histogram({
    name: "relay_upstream_call_seconds",
    help: "Calls to an upstream, each try for itself, until the head of the answer.",
    labelNames: ["upstream", "operation", "outcome"],
    buckets: CALL_BUCKETS,
    registers,
  });
  const bytes = new Counter({
    name: "relay_file_bytes_total",
    help: "Bytes of files: in from Fast.io to Dify, out from Dify to Fast.io.",
    labelNames: ["direction"],
    registers,
  });
  const tokens = new Counter({
    name: "relay_tokens_total",
    help: "Tokens that workflow runs used, by rule.",
    labelNames: ["rule"],
    registers,
  });
  return {
    deliveryJudged: (route, verdict) => deliveries.inc({ route, verdict }),
    acknowledged: (route, ms) => acks.observe({ route }, ms / 1_000),
    dropped: (rule, reason) => drops.inc({ rule: rules(rule), reason }),
    attempted: ({ step, outcome, failure, waitMs, workMs }) => {
      attempts.inc({ step, outcome, failure: failure ?? "" });
      waits.observe({ step }, Math.max(0, waitMs) / 1_000);
      works.observe({ step, outcome }, Math.max(0, workMs) / 1_000);
    },
    runEnded: (rule, status, ms) => {
      ended.inc({ rule: rules(rule), status });
      durations.observe({ status }, Math.max(0, ms) / 1_000);
    },
    called: ({ operation, outcome, ms }) =>
      calls.observe({ upstream: upstreamOf(operation), operation, outcome }, ms / 1_000),
    fileMoved: (direction, count) => bytes.inc({ direction }, count),
    tokensUsed: (rule, count) => tokens.inc({ rule: rules(rule) }, count),
  };
}

/** `fastio` of `fastio.share.create`. */
const upstreamOf = (operation: string): string => operation.split(".", 1)[0] ?? operation;

/** Anew each time, so that what could not be read, or is no more, is left out. */
async function printReadings(readings: readonly Reading[]): Promise<string> {
  const registry = new Registry();
  const gauges = new Map<GaugeName, Gauge>();
  for (const { gauge: name, labels, value } of readings) {
    const known = gauges.get(name) ?? openGauge(name, registry);
    gauges.set(name, known);
    known.set({ ...labels }, value);
  }
  return registry.metrics();
}

const openGauge = (name: GaugeName, registry: Registry): Gauge =>
  new Gauge({ name, help: GAUGES[name].help, labelNames: [...GAUGES[name].labels], registers: [registry] });
