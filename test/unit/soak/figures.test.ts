import { describe, expect, test } from "vitest";
import { ownFigures, readKernel } from "../../soak/process-figures.ts";
import { readMetrics, sumOf } from "../../soak/prometheus-text.ts";
import { relayFigures } from "../../soak/store-figures.ts";
import { watchedOf } from "../../soak/watched.ts";

const TEXT = `# HELP nodejs_heap_size_used_bytes Process heap size used from Node.js in bytes.
# TYPE nodejs_heap_size_used_bytes gauge
nodejs_heap_size_used_bytes 104857600
nodejs_eventloop_lag_p99_seconds 0.0125
nodejs_active_resources{type="Timeout"} 7
nodejs_active_resources_total 12
relay_queue_jobs{queue="events",state="completed"} 1000
relay_queue_jobs{queue="runs",state="active"} 3
relay_outbox_depth{kind="event"} 2
relay_outbox_depth{kind="run"} 1
relay_outbox_age_seconds{kind="event"} 4.5
relay_outbox_age_seconds{kind="run"} 0
relay_runs{status="running"} 5
relay_alert{kind="quiet_source",subject="a \\"quoted\\" one, with a }"} 1
`;

describe("metrics", () => {
  test("are read with their labels, whatever stands in them", () => {
    const metrics = readMetrics(TEXT);
    expect(metrics).toHaveLength(12);
    expect(metrics.at(-1)).toEqual({
      name: "relay_alert",
      labels: { kind: "quiet_source", subject: 'a \\"quoted\\" one, with a }' },
      value: 1,
    });
    expect(sumOf(metrics, "relay_outbox_depth")).toBe(3);
    expect(sumOf(metrics, "relay_unheard_of")).toBe(undefined);
  });

  test("become series, in units that people read", () => {
    expect(ownFigures(readMetrics(TEXT))).toEqual({ heap: 100, resources: 12, lag: 12.5 });
    expect(relayFigures(readMetrics(TEXT))).toEqual({
      "jobs.events.completed": 1_000,
      "jobs.runs.active": 3,
      "relay.outboxAge": 4.5,
      "relay.outbox": 3,
      "relay.open": 5,
    });
  });

  test("that nobody tells become no series, rather than zeros", () => {
    expect(ownFigures([])).toEqual({});
    expect(relayFigures([])).toEqual({});
  });
});

test.runIf(process.platform === "linux")("the kernel tells memory, descriptors and time of this process", () => {
  const { rss, threads, descriptors, sockets, cpuMs } = readKernel(process.pid);
  expect(rss).toBeGreaterThan(20);
  expect(rss).toBeLessThan(8_000);
  expect(threads).toBeGreaterThan(1);
  expect(descriptors).toBeGreaterThan(2);
  expect(sockets).toBeLessThanOrEqual(descriptors);
  expect(cpuMs).toBeGreaterThan(10);
});

describe("what is watched", () => {
  test("the relay's memory, handles, rows, jobs and keys are judged", () => {
    for (const name of [
      "receive.rss",
      "work.descriptors",
      "start.heap",
      "rows.runs",
      "jobs.upkeep.completed",
      "redis.keys",
    ])
      expect(watchedOf(name)?.allowance).toBeDefined();
  });

  test("the emulators' books and what is kept on purpose are told and not judged", () => {
    for (const name of ["emulators.rss", "rows.operator_actions", "rows.folder_claims"])
      expect(watchedOf(name)).toMatchObject({ allowance: undefined });
  });

  test("what nobody knows is not watched", () => {
    expect(watchedOf("work.colour")).toBe(undefined);
    expect(watchedOf("somebody.rss")).toBe(undefined);
  });
});
