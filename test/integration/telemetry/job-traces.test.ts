import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { systemClock } from "../../../src/clock.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { openTrace } from "../../../src/telemetry/open-trace.ts";
import type { OpenedTrace } from "../../../src/telemetry/trace.ts";
import { TRACE_MS } from "../../../src/telemetry/trace.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../../support/otlp-receiver.ts";
import { SOON } from "../../support/soon.ts";
import { openPlace, subjects } from "../queues/subjects.ts";

const traceId = (job: number): string => `${job}`.padStart(32, "a");
const traceparent = (job: number): string => `00-${traceId(job)}-b7ad6b7169203331-01`;

describe.each(subjects().filter(({ available }) => available))("jobs on $kind", ({ kind, create }) => {
  let collector: OtlpReceiver;
  let opened: OpenedTrace;
  beforeAll(async () => {
    collector = await startOtlpReceiver();
    opened = await openTrace(collector.url, "0", silentLog);
  });
  afterAll(() => collector.close());

  test("carry each its own trace, added one by one or many at once; what has none makes none", async () => {
    const { place, dispose } = await create();
    const { config, close } = await openPlace(place);
    const { trace } = opened;
    const backend = await createQueueBackend(config, {
      ...{ clock: systemClock, random: Math.random, log: silentLog, trace },
    });
    const heard = new Map<string, string | undefined>();
    backend.work(
      "events",
      async ({ id }) => {
        heard.set(id, trace.current());
        return { kind: "done" };
      },
      { concurrency: 2, onError: () => undefined },
    );
    const queue = backend.open("events");
    const jobOf = (job: number) => ({ id: `job-${job}`, data: {}, traceparent: traceparent(job) });
    // As whoever adds them may be at work on something else.
    await trace.span({ name: "another", parent: null }, () => queue.add([jobOf(1), { id: "job-without", data: {} }]));
    await queue.add([2, 3, 4, 5].map(jobOf));
    await vi.waitFor(() => expect(heard.size).toBe(6), SOON);
    await backend.close();
    await close();
    await dispose();
    await opened.close();

    for (const job of [1, 2, 3, 4, 5]) expect(heard.get(`job-${job}`)?.split("-")[1]).toBe(traceId(job));
    const told = collector.spans().filter(({ name }) => name === "process events");
    expect(told.map((span) => span.traceId).toSorted()).toEqual([1, 2, 3, 4, 5].map(traceId));
    expect(kind).toBe(backend.kind);
  });
});

test("a job of a trace that began too long ago is no part of it any more", async () => {
  const { createJobTelemetry } = await import("../../../src/telemetry/job-telemetry.ts");
  let nowMs = 1_000;
  const { telemetry, metadataOf } = createJobTelemetry(() => nowMs);
  const { contextManager } = telemetry;
  const active = contextManager.active();
  const metadata = metadataOf(traceparent(7));
  nowMs += TRACE_MS;
  expect(contextManager.fromMetadata(active, metadata)).toBe(active);
});

test("a job that fails is told of without the words of its error", async () => {
  const collector = await startOtlpReceiver();
  const { trace, close } = await openTrace(collector.url, "0", silentLog);
  const [subject] = subjects().filter(({ available }) => available);
  if (!subject) throw new Error("there is always the embedded one");
  const { place, dispose } = await subject.create();
  const opened = await openPlace(place);
  const backend = await createQueueBackend(opened.config, {
    ...{ clock: systemClock, random: Math.random, log: silentLog, trace },
  });
  let tries = 0;
  const fail = async (): Promise<never> => {
    tries += 1;
    throw new Error("Dify quotes what people sent");
  };
  backend.work("events", fail, { concurrency: 1, onError: () => undefined });
  await backend.open("events").add([{ id: "job-words", data: {}, traceparent: traceparent(9) }]);
  await vi.waitFor(() => expect(tries).toBeGreaterThan(0), SOON);
  await backend.close();
  await opened.close();
  await dispose();
  await close();
  const told = JSON.stringify(collector.spans());
  expect(told).toContain("process events");
  expect(told).not.toContain("quotes");
  await collector.close();
});
