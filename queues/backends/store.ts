import type { Processor, Queue, QueueOptions, WorkerOptions } from "bullmq";
import { TransientError } from "../../src/errors.ts";
import { silentTrace } from "../../src/telemetry/trace.ts";
import type { JobQueue, QueueBackend, QueueDeps, QueueMemory, QueueName, QueueTuning } from "../backend.ts";
import { createJobQueue, failFast, type JobEntry } from "../job-queue.ts";
import { type OpenedWorker, startJobWorker } from "../job-worker.ts";
import type { Outage } from "./outage.ts";
import { retryDelayMs } from "./retry-delay.ts";

export type StoreWorkerOptions = Omit<WorkerOptions, "connection">;
export type StoreQueueOptions = Pick<QueueOptions, "telemetry">;

/** What differs between Redis, PostgreSQL and PGlite; the rest is the same BullMQ. */
export type Store = {
  readonly kind: QueueBackend["kind"];
  openQueue(name: QueueName, options: StoreQueueOptions): Queue;
  openWorker(name: QueueName, process: Processor, options: StoreWorkerOptions): OpenedWorker;
  /** State per id, in BullMQ's words; unknown ids may be missing. */
  readStates(queue: Queue, ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Adds many jobs of one queue in one trip; ids that it knows are no-ops. */
  addMany(queue: Queue, entries: readonly JobEntry[]): Promise<unknown>;
  /** Whether an error only says that the server is away. */
  isOutage(error: unknown): boolean;
  readonly outage: Outage;
  /** Of a store whose memory has a limit. */
  readMemory?(): Promise<QueueMemory | undefined>;
  /** Closes what the store opened for all; queues and workers are closed before. */
  close(): Promise<void>;
};

const DEFAULT_TUNING: QueueTuning = {
  attempts: 1_000_000,
  backoffBaseMs: 1_000,
  backoffCeilingMs: 300_000,
  lockMs: 3_000,
  // Jobs of a dead worker are marked by one check and taken by the next once their locks are over: after 5.5 s at most.
  stalledCheckMs: 2_500,
};
/** A job outlives any number of killed workers; the ledger decides when to give up. */
const MAX_STALLED = 1_000;
/** Pause before a worker asks again when its server went away. */
const RETRY_AFTER_OUTAGE_MS = 200;

/** Makes the port out of a store. */
export function assembleBackend(
  store: Store,
  tuning: Partial<QueueTuning> | undefined,
  { clock, random, log, trace = silentTrace }: QueueDeps,
): QueueBackend {
  const { attempts, backoffBaseMs, backoffCeilingMs, lockMs, stalledCheckMs } = { ...DEFAULT_TUNING, ...tuning };
  const queues = new Map<QueueName, JobQueue>();
  const told = trace.jobs ? { telemetry: trace.jobs.telemetry } : {};
  const workers = new Set<{ close(deadlineMs?: number): Promise<void> }>();

  const open = (name: QueueName): JobQueue => {
    const known = queues.get(name);
    if (known) return known;
    const queue = store.openQueue(name, told);
    queue.on("error", (error) => {
      if (store.isOutage(error) || !store.outage.isNews(error)) return;
      log.warn("queue.error", { queue: name, message: error.message });
    });
    const opened = createJobQueue({
      queue,
      readStates: (ids) => store.readStates(queue, ids),
      addMany: (entries) => store.addMany(queue, entries),
      attempts,
      clock,
      trace,
    });
    queues.set(name, opened);
    return opened;
  };

  const closeAll = async (): Promise<void> => {
    await Promise.all([...workers].map((worker) => worker.close()));
    await Promise.all([...queues.values()].map(({ bullmq }) => bullmq.close().catch(() => undefined)));
    await store.close();
  };
  let closing: Promise<void> | undefined;

  return {
    kind: store.kind,
    open,
    work: (name, handle, options) => {
      const worker = startJobWorker(handle, options, {
        clock,
        isOutage: store.isOutage,
        outage: store.outage,
        stalledCheckMs,
        open: (process) =>
          store.openWorker(name, process, {
            ...told,
            concurrency: options.concurrency,
            lockDuration: lockMs,
            stalledInterval: stalledCheckMs,
            skipStalledCheck: true, // ours knows when there is nothing to check
            maxStalledCount: MAX_STALLED,
            runRetryDelay: RETRY_AFTER_OUTAGE_MS,
            settings: {
              backoffStrategy: (attempt, _type, error) =>
                retryDelayMs(attempt, error, { random, baseMs: backoffBaseMs, ceilingMs: backoffCeilingMs }),
            },
            ...(options.limiter ? { limiter: { max: options.limiter.max, duration: options.limiter.durationMs } } : {}),
          }),
      });
      workers.add(worker);
      return worker;
    },
    check: async (signal) => {
      signal.throwIfAborted();
      await Promise.race([failFast(clock, () => open("events").bullmq.isPaused()), untilAborted(signal)]);
      // It may answer what only reads, and refuse what workers ask.
      const refusal = store.outage.refusal();
      if (refusal !== undefined) throw new TransientError("queue_unavailable", `the queue refuses: ${refusal}`);
    },
    memory: () => failFast(clock, async () => store.readMemory?.()),
    close: () => {
      closing ??= closeAll();
      return closing;
    },
  };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
