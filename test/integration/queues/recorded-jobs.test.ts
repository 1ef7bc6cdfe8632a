import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { QueueBackend, QueueName } from "../../../queues/backend.ts";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { eventJob } from "../../../queues/events/job.ts";
import { startEventsWorker } from "../../../queues/events/worker.ts";
import { createReadAppParameters } from "../../../queues/runs/app-parameters.ts";
import { runJob } from "../../../queues/runs/job.ts";
import { startRunsWorker } from "../../../queues/runs/worker.ts";
import { shareJob } from "../../../queues/shares/job.ts";
import { startSharesWorker } from "../../../queues/shares/worker.ts";
import { upkeepJob } from "../../../queues/upkeep/job.ts";
import { startUpkeepWorker } from "../../../queues/upkeep/worker.ts";
import { systemClock } from "../../../src/clock.ts";
import { DEFAULT_RECOVERY } from "../../../src/dify/recovery.ts";
import type { RememberingFastio } from "../../../src/fastio/remember-places.ts";
import { createRunMaker } from "../../../src/ledger/create-runs.ts";
import { findEvent } from "../../../src/ledger/event-queries.ts";
import { createRunLeases } from "../../../src/ledger/run-leases.ts";
import { events } from "../../../src/ledger/schema.ts";
import { compileRules } from "../../../src/rules/compile-rules.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { silentMetrics } from "../../../src/telemetry/metrics.ts";
import { silentTrace } from "../../../src/telemetry/trace.ts";
import { SOON } from "../../support/soon.ts";
import { givenEvent, givenRun, openTestLedger, readRunRow, type TestLedger } from "../../support/test-ledger.ts";
import { sampleRule } from "../../support/workbench.ts";

type RecordedJob = {
  readonly queue: QueueName;
  readonly id: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly opts: Readonly<Record<string, unknown>>;
};

const FOLDER = fileURLToPath(new URL("../../fixtures/jobs/", import.meta.url));
const recordings = readdirSync(FOLDER).map((name) => {
  const { jobs } = JSON.parse(readFileSync(FOLDER + name, "utf8")) as { readonly jobs: readonly RecordedJob[] };
  return { name, jobs };
});
const id = (value: unknown): string => String(value);

let ledger: TestLedger;
let backend: QueueBackend;
let swept: number;
beforeEach(async () => {
  ledger = await openTestLedger();
  const deps = { clock: systemClock, random: Math.random, log: silentLog };
  if (!ledger.pglite) throw new Error("an embedded ledger");
  backend = await createQueueBackend({ kind: "pglite", pglite: ledger.pglite }, deps);
  swept = 0;
});
afterEach(async () => {
  await backend.close();
  await ledger.dispose();
});

/** The workers as they are today. They have nothing to do but to read their job and end what it names. */
function startWorkers(): void {
  const never = (): never => {
    throw new Error("nobody is to be asked");
  };
  const common = {
    ...{ db: ledger.db, clock: systemClock, random: Math.random, newId: () => "worker", log: silentLog },
    ...{ metrics: silentMetrics, trace: silentTrace, appOf: () => "app", leases: createRunLeases(ledger.db) },
    jumpedSince: () => 0,
    outbox: { sendEvents: async () => true, sendRuns: async () => true, sendCalled: async () => true },
    fastio: new Proxy({}, { get: never }) as RememberingFastio, // not to be touched
  };
  const workers = [
    startEventsWorker(backend, {
      ...common,
      rules: () => compileRules([]),
      floodHold: () => 100,
      makeRuns: createRunMaker(ledger.db),
    }),
    startRunsWorker(backend, {
      ...common,
      difyFor: never,
      limit: { start: 3, ceiling: 3 },
      lookout: { until: async () => undefined },
      limitOf: () => undefined,
      readAppParameters: createReadAppParameters(systemClock),
      policy: { ...DEFAULT_RECOVERY, maxSubmissions: 1 },
      upMs: () => performance.now(),
    }),
    startSharesWorker(backend, { ...common, passwordOf: () => undefined }),
    startUpkeepWorker(backend, {
      ...common,
      retentionMs: 86_400_000,
      sweep: async () => {
        swept += 1;
      },
    }),
  ];
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.close()));
  });
}

describe("jobs that earlier versions of the relay left in the queue", () => {
  test.each(recordings)("$name: are done by the workers of today", async ({ jobs }) => {
    const ofQueue = (queue: QueueName) => jobs.filter((job) => job.queue === queue);
    // What they name is in the ledger: an event of a place nobody asks about, runs that somebody cancelled.
    const [event] = ofQueue("events");
    const cancelled = { cancelAskedAtMs: 1, cancelAskedBy: "somebody" };
    await givenEvent(ledger.db, {});
    await ledger.db.update(events).set({ key: id(event?.data["eventKey"]) });
    const runIds = new Set([...ofQueue("runs"), ...ofQueue("shares")].map(({ data }) => id(data["runId"])));
    for (const runId of runIds) {
      const queue = ofQueue("shares").some(({ data }) => data["runId"] === runId) ? "shares" : "runs";
      await givenRun(ledger.db, sampleRule(), { id: runId, queue, ...cancelled });
    }

    for (const { queue, name, data, opts } of jobs) await backend.open(queue).bullmq.add(name, data, opts);
    startWorkers();
    await vi.waitFor(async () => {
      for (const job of jobs)
        expect(await backend.open(job.queue).states([job.id])).toEqual(new Map([[job.id, "completed"]]));
    }, SOON);
    expect((await findEvent(ledger.db, id(event?.data["eventKey"])))?.status).not.toBe("accepted");
    for (const runId of runIds) expect((await readRunRow(ledger.db, runId)).status).toBe("cancelled");
    expect(swept).toBe(1);
  });

  test("are of every version there was, the present one included", () => {
    const known = new Set(recordings.flatMap(({ jobs }) => jobs.map(({ queue, data }) => `${queue} ${id(data["v"])}`)));
    const versions = (queue: QueueName, { data }: { readonly data: Readonly<Record<string, unknown>> }) =>
      Array.from({ length: Number(data["v"]) }, (_, before) => `${queue} ${before + 1}`);
    const written = [
      ...versions("events", eventJob("e", 0)),
      ...versions("runs", runJob("r", 0)),
      ...versions("shares", shareJob("r", 0)),
      ...versions("upkeep", upkeepJob("sweep", 0)),
    ];
    for (const version of written) expect(known).toContain(version);
  });
});

describe("a job of a version to come", () => {
  test("is put off, neither done nor failed, and is still there for a process that knows it", async () => {
    const run = await givenRun(ledger.db, sampleRule());
    const queue = backend.open("runs");
    await queue.add([{ id: "newer", data: { v: 2, runId: run.id, more: true } }]);
    startWorkers();
    await vi.waitFor(async () => expect(await queue.states(["newer"])).toEqual(new Map([["newer", "delayed"]])), SOON);
    expect(await readRunRow(ledger.db, run.id)).toMatchObject({ status: "queued", queue: "runs" });
    const job = await queue.bullmq.getJob("newer");
    expect(job?.attemptsMade).toBe(0);
  });
});
