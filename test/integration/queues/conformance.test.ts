import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import type { HandleJob, JobView, JobWorker, QueueBackend, QueueTuning, WorkOptions } from "../../../queues/backend.ts";
import { createQueueBackend } from "../../../queues/create-queue-backend.ts";
import { systemClock } from "../../../src/clock.ts";
import { PermanentError, TransientError } from "../../../src/errors.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { type OpenPlace, openPlace, type Place, startHolder, subjects } from "./subjects.ts";

const WITHIN = { timeout: 60_000, interval: 5 };
/** Far below what would come of a wait for nothing, and enough on a machine that is busy with other things. */
const BUSY_MS = 8_000;
const DONE = { kind: "done" } as const;

describe.each(subjects())("queue on $kind", ({ kind, available, create }) => {
  describe.skipIf(!available)("conformance", () => {
    let place: Place;
    let opened: OpenPlace;
    let dispose: () => Promise<void>;
    let backend: QueueBackend | undefined;

    beforeAll(async () => {
      ({ place, dispose } = await create());
      opened = await openPlace(place);
    });
    afterAll(async () => {
      await opened.close();
      await dispose();
    });
    afterEach(async () => {
      await backend?.open("runs").bullmq.obliterate({ force: true });
      await backend?.close();
      backend = undefined;
    });

    const open = async (tuning: Partial<QueueTuning> = {}): Promise<QueueBackend> => {
      backend = await createQueueBackend(
        { ...opened.config, tuning: { backoffBaseMs: 20, ...tuning } },
        { clock: systemClock, random: Math.random, log: silentLog },
      );
      return backend;
    };

    test("a job reaches the handler once, with its data, and is then completed", async () => {
      const { queue, seen } = work(await open(), async () => DONE);
      await queue.add([{ id: "one", data: { runId: "r1", nested: { list: [1, "ü", null] } } }]);
      await vi.waitFor(
        async () => expect(await queue.states(["one"])).toEqual(new Map([["one", "completed"]])),
        WITHIN,
      );
      expect(seen).toEqual([{ id: "one", data: { runId: "r1", nested: { list: [1, "ü", null] } }, attempt: 1 }]);
    });

    test("many jobs added together all arrive", async () => {
      const { queue, seen } = work(await open(), async () => DONE, { concurrency: 10 });
      const ids = Array.from({ length: 60 }, (_, index) => `many-${index}`);
      await queue.add(ids.map((id) => ({ id, data: {} })));
      await vi.waitFor(() => expect(seen.map(({ id }) => id).toSorted()).toEqual(ids.toSorted()), WITHIN);
    });

    test("many jobs added together are taken in the order they came, those with a priority last", async () => {
      const at = await open();
      const queue = at.open("runs");
      await queue.add([
        { id: "last", data: {}, priority: 9 },
        { id: "first", data: { nested: { text: "ü'\"\\" } } },
        { id: "prior", data: {}, priority: 2 },
        ...["second", "third", "fourth"].map((id) => ({ id, data: {} })),
      ]);
      expect(await queue.counts()).toMatchObject({ waiting: 6 });
      const { seen } = work(at, async () => DONE);
      await vi.waitFor(() => expect(seen).toHaveLength(6), WITHIN);
      expect(seen.map(({ id }) => id)).toEqual(["first", "second", "third", "fourth", "prior", "last"]);
      expect(seen[0]?.data).toEqual({ nested: { text: "ü'\"\\" } });
    });

    test("of the jobs of upkeep, which are all alike, few are kept when they are done", async () => {
      const backend = await open();
      const queue = backend.open("upkeep");
      await queue.add(Array.from({ length: 70 }, (_, index) => ({ id: `chore-${index}`, data: {} })));
      backend.work("upkeep", async () => DONE, { concurrency: 10, onError: () => undefined });
      const counts = await vi.waitFor(async () => {
        const now = await queue.counts();
        expect(now).toMatchObject({ waiting: 0, active: 0 });
        return now;
      }, WITHIN);
      // Those that ended at the same moment may not have seen each other.
      expect(counts["completed"]).toBeGreaterThanOrEqual(50);
      expect(counts["completed"]).toBeLessThan(60);
      await queue.bullmq.obliterate({ force: true });
    });

    test("an id that is known is not added again, neither while it waits nor once it is completed", async () => {
      const { queue, seen } = work(await open(), async () => DONE);
      const twice = { id: "twice", data: {} };
      await queue.add([twice, twice, { id: "a", data: {} }, { id: "b", data: {} }]);
      await queue.add([twice]);
      await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ completed: 3 }), WITHIN);
      await queue.add([twice]);
      await queue.add([{ id: "last", data: {} }]);
      await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ completed: 4 }), WITHIN);
      expect(seen.filter(({ id }) => id === "twice")).toHaveLength(1);
    });

    test("a dropped id may be added again", async () => {
      const { queue, seen } = work(await open(), async () => DONE);
      await queue.add([{ id: "again", data: {} }]);
      await vi.waitFor(async () => expect((await queue.states(["again"])).get("again")).toBe("completed"), WITHIN);
      await queue.drop(["again", "never-was"]);
      expect((await queue.states(["again"])).get("again")).toBe("unknown");
      await queue.add([{ id: "again", data: {} }]);
      await vi.waitFor(() => expect(seen).toHaveLength(2), WITHIN);
    });

    test("states names each id, and the unknown as unknown", async () => {
      const { queue, worker } = work(await open(), async () => ({ kind: "later", atMs: Date.now() + 60_000 }));
      await queue.add([{ id: "sleeps", data: {} }]);
      await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ delayed: 1 }), WITHIN);
      await worker.close();
      await queue.add([
        { id: "waits", data: {} },
        { id: "first", data: {}, priority: 1 },
      ]);
      expect(await queue.states(["waits", "first", "sleeps", "nobody"])).toEqual(
        new Map([
          ["waits", "waiting"],
          ["first", "waiting"],
          ["sleeps", "delayed"],
          ["nobody", "unknown"],
        ]),
      );
      expect(await queue.counts()).toMatchObject({ waiting: 2, delayed: 1, active: 0, completed: 0, failed: 0 });
    });

    test("a job that fails is tried again, later each time", async () => {
      const times: number[] = [];
      const { queue, seen, errors } = work(await open({ backoffBaseMs: 100 }), async ({ attempt }) => {
        times.push(Date.now());
        if (attempt < 4) throw new TransientError("upstream_unavailable", "not yet");
        return DONE;
      });
      await queue.add([{ id: "stubborn", data: {} }]);
      await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ completed: 1 }), WITHIN);
      expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
      expect(errors.map(({ job }) => job?.attempt)).toEqual([1, 2, 3]);
      const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
      expect(pauses[0]).toBeGreaterThanOrEqual(49);
      expect(pauses[1]).toBeGreaterThanOrEqual(99);
      expect(pauses[2]).toBeGreaterThanOrEqual(199);
    });

    test("a failed job waits as long as the upstream asked", async () => {
      const times: number[] = [];
      const { queue } = work(await open(), async ({ attempt }) => {
        times.push(Date.now());
        if (attempt === 1) throw new TransientError("rate_limited", "slow down", { retryAfterMs: 700 });
        return DONE;
      });
      await queue.add([{ id: "asked", data: {} }]);
      await vi.waitFor(() => expect(times).toHaveLength(2), WITHIN);
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(699);
    });

    test("a fault of our own is tried again like any other failure", async () => {
      const { queue, seen } = work(await open(), async ({ attempt }) => {
        if (attempt === 1) throw new TypeError("a bug");
        return DONE;
      });
      await queue.add([{ id: "bug", data: {} }]);
      await vi.waitFor(() => expect(seen).toHaveLength(2), WITHIN);
    });

    test("attempts end at their limit", async () => {
      const { queue, seen } = work(await open({ attempts: 2 }), async () => {
        throw new TransientError("upstream_unavailable", "never");
      });
      await queue.add([{ id: "vain", data: {} }]);
      await vi.waitFor(async () => expect((await queue.states(["vain"])).get("vain")).toBe("failed"), WITHIN);
      expect(seen).toHaveLength(2);
    });

    test("a permanent failure is not tried again, and is told as it was thrown", async () => {
      const failure = new PermanentError("dify_input_invalid", "no such input");
      const { queue, seen, errors } = work(await open(), async () => {
        throw failure;
      });
      await queue.add([{ id: "hopeless", data: {} }]);
      await vi.waitFor(async () => expect((await queue.states(["hopeless"])).get("hopeless")).toBe("failed"), WITHIN);
      expect(seen).toHaveLength(1);
      const told = [{ error: failure, job: expect.objectContaining({ id: "hopeless", attempt: 1 }) }];
      await vi.waitFor(() => expect(errors).toEqual(told), WITHIN);
    });

    test("a job put off for later burns no attempt and returns at its time, and soon after", async () => {
      const times: number[] = [];
      const { queue, seen, errors } = work(await open({ attempts: 2 }), async () => {
        times.push(Date.now());
        return times.length < 4 ? { kind: "later", atMs: Date.now() + 150 } : DONE;
      });
      await queue.add([{ id: "later", data: {} }]);
      await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ completed: 1 }), WITHIN);
      expect(seen.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1]);
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(149);
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeLessThan(BUSY_MS);
      expect(errors).toEqual([]);
    });

    test("a job put off to a time that has passed returns at once", async () => {
      const { queue, seen } = work(await open(), async () =>
        seen.length < 2 ? { kind: "later", atMs: Date.now() - 60_000 } : DONE,
      );
      await queue.add([{ id: "overdue", data: {} }]);
      await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ completed: 1 }), WITHIN);
    });

    test("a rate limit holds over all jobs", async () => {
      const { queue, seen } = work(await open(), async () => DONE, {
        concurrency: 5,
        limiter: { max: 2, durationMs: 400 },
      });
      const ids = ["a", "b", "c", "d", "e", "f"];
      await queue.add(ids.map((id) => ({ id, data: {} })));
      await vi.waitFor(() => expect(seen).toHaveLength(ids.length), WITHIN);
      // When they were taken: on a busy machine the first may be taken long before it is begun.
      const jobs = await Promise.all(ids.map((id) => queue.bullmq.getJob(id)));
      const takenMs = jobs.map((job) => job?.processedOn ?? Number.NaN);
      expect(Math.max(...takenMs) - Math.min(...takenMs)).toBeGreaterThanOrEqual(700);
    });

    test("of jobs that are done about a thousand are remembered", async () => {
      const { queue } = work(await open(), async () => DONE, { concurrency: 10 });
      await queue.add(Array.from({ length: 1_200 }, (_, index) => ({ id: `done-${index}`, data: {} })));
      await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ waiting: 0, active: 0 }), WITHIN);
      const { completed } = await queue.counts();
      expect(completed).toBeGreaterThanOrEqual(1_000);
      expect(completed).toBeLessThanOrEqual(1_100);
    });

    test("a paused queue starts nothing until it is resumed", async () => {
      const { queue, seen } = work(await open(), async () => DONE);
      await queue.pause();
      await queue.add([{ id: "held", data: {} }]);
      await queue.add([{ id: "held-too", data: {} }]);
      await expect(vi.waitFor(() => expect(seen).not.toEqual([]), { timeout: 500 })).rejects.toThrow();
      await queue.resume();
      await vi.waitFor(() => expect(seen).toHaveLength(2), WITHIN);
    });

    test("a closing worker finishes what it runs and takes nothing more", async () => {
      let finish = (): void => undefined;
      const { queue, seen, worker } = work(
        await open(),
        () =>
          new Promise((resolve) => {
            finish = () => resolve(DONE);
          }),
      );
      await queue.add([{ id: "running", data: {} }]);
      await vi.waitFor(() => expect(seen).toHaveLength(1), WITHIN);
      const closing = worker.close(5_000);
      await queue.add([{ id: "too-late", data: {} }]);
      finish();
      await closing;
      expect(await queue.states(["running", "too-late"])).toEqual(
        new Map([
          ["running", "completed"],
          ["too-late", "waiting"],
        ]),
      );
    });

    test("a job still running at the deadline is told to stop, and goes on elsewhere with no attempt burnt", async () => {
      const at = await open();
      const first = work(
        at,
        (_job, signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      );
      await first.queue.add([{ id: "long", data: {} }]);
      await vi.waitFor(() => expect(first.seen).toHaveLength(1), WITHIN);
      await first.worker.close(50);
      const second = work(at, async () => DONE);
      await vi.waitFor(() => expect(second.seen).toEqual([{ id: "long", data: {}, attempt: 1 }]), WITHIN);
    });

    test("a worker closes though its job ignores the signal", async () => {
      const { queue, seen, worker } = work(await open(), () => new Promise(() => {}));
      await queue.add([{ id: "deaf", data: {} }]);
      await vi.waitFor(() => expect(seen).toHaveLength(1), WITHIN);
      await worker.close(50); // or never: the job does not end
    });

    test("a job added to an idle queue starts because its worker is told, not when that looks by itself", async () => {
      const started = new Map<string, number>();
      const { queue } = work(await open(), async ({ id }) => {
        started.set(id, performance.now());
        return DONE;
      });
      const latencies: number[] = [];
      for (let round = 0; round < 11; round += 1) {
        // Idle is: nothing is left to do, and the worker has gone to wait.
        await vi.waitFor(
          async () => expect(await queue.counts()).toMatchObject({ completed: round, active: 0 }),
          WITHIN,
        );
        await idle(50);
        const id = `wake-${round}`;
        const addedAt = performance.now();
        await queue.add([{ id, data: {} }]);
        await vi.waitFor(() => expect(started.has(id)).toBe(true), WITHIN);
        latencies.push((started.get(id) ?? 0) - addedAt);
      }
      const median = latencies.toSorted((a, b) => a - b)[5] ?? Number.POSITIVE_INFINITY;
      console.info(`${kind}: an idle worker wakes in ${median.toFixed(1)} ms (median of ${latencies.length})`);
      expect(median).toBeLessThan(BUSY_MS); // who is not told looks after ten seconds, or a minute
    });

    test("no job that is alive runs twice, with 200 jobs, blocked threads and one that outlasts its lock", async () => {
      const at = await open({ lockMs: 4_500, stalledCheckMs: 1_000 });
      const handle: HandleJob = async ({ id }) => {
        if (id === "long") await idle(5_000);
        else await idle(20);
        block(3);
        return DONE;
      };
      const workers = [work(at, handle, { concurrency: 10 }), work(at, handle, { concurrency: 10 })];
      const queue = at.open("runs");
      await queue.add([
        { id: "long", data: {} },
        ...Array.from({ length: 200 }, (_, index) => ({ id: `l-${index}`, data: {} })),
      ]);
      await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ completed: 201 }), WITHIN);
      const seen = workers.flatMap((worker) => worker.seen.map(({ id }) => id));
      expect(seen).toHaveLength(201);
      expect(new Set(seen).size).toBe(201);
    });

    test("check passes while the queue answers, and ends with its signal", async () => {
      const at = await open();
      await at.check(AbortSignal.timeout(5_000));
      await expect(at.check(AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    });

    test.each(["", "12345", "a:b"])("the id %j is refused as a mistake of ours", async (id) => {
      const at = await open();
      await expect(at.open("runs").add([{ id, data: {} }])).rejects.toThrow("not usable as a job id");
    });
  });

  describe.skipIf(!available)("after SIGKILL", () => {
    test("the job of a killed worker goes on within seconds, with no attempt burnt", async () => {
      const { place, dispose } = await create();
      onTestFinished(dispose);
      const holder = await startHolder(place, "orphan");
      onTestFinished(holder.kill);
      await holder.kill();
      const killedMs = Date.now();

      const opened = await openPlace(place);
      const backend = await createQueueBackend(opened.config, {
        clock: systemClock,
        random: Math.random,
        log: silentLog,
      });
      onTestFinished(async () => {
        await backend.close();
        await opened.close();
      });
      const { seen } = work(backend, async () => DONE);
      await vi.waitFor(() => expect(seen).toEqual([{ id: "orphan", data: {}, attempt: 1 }]), WITHIN);
      const tookMs = Date.now() - killedMs;
      console.info(`${kind}: the job of a killed worker went on after ${tookMs} ms`);
      expect(tookMs).toBeLessThan(2 * BUSY_MS);
    });
  });
});

type Working = {
  readonly queue: ReturnType<QueueBackend["open"]>;
  readonly worker: JobWorker;
  /** Every time the handler was called. */
  readonly seen: JobView[];
  readonly errors: { readonly error: unknown; readonly job: JobView | undefined }[];
};

function work(backend: QueueBackend, handle: HandleJob, options: Partial<WorkOptions> = {}): Working {
  const seen: JobView[] = [];
  const errors: Working["errors"] = [];
  const worker = backend.work(
    "runs",
    (job, signal) => {
      seen.push(job);
      return handle(job, signal);
    },
    { concurrency: 1, onError: (error, job) => errors.push({ error, job }), ...options },
  );
  return { queue: backend.open("runs"), worker, seen, errors };
}

function idle(ms: number): Promise<void> {
  return systemClock.sleep(ms);
}

/** Keeps the thread busy. */
function block(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}
