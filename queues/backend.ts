import type { PGlite } from "@electric-sql/pglite";
import type { Queue } from "bullmq";
import type { Clock } from "../src/clock.ts";
import type { QueueName } from "../src/queue-names.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { Trace } from "../src/telemetry/trace.ts";

export type { QueueName };

export type NewJob = {
  /** Derived, so that repeats collide: no `:` and not all digits. */
  readonly id: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** 1 is first; jobs without one go before all that have one. */
  readonly priority?: number;
  /** The trace it belongs to, as W3C has it. */
  readonly traceparent?: string;
};

export type JobView = {
  readonly id: string;
  /** As it was added, but unchecked: another version of the relay may have written it. */
  readonly data: unknown;
  /** From 1. Putting a job off for later does not raise it, nor does the death of a worker. */
  readonly attempt: number;
};

/** `later` puts the job off to a time in milliseconds since the Unix epoch and burns no attempt. */
export type JobOutcome = { readonly kind: "done" } | { readonly kind: "later"; readonly atMs: number };

export type JobState = "waiting" | "active" | "delayed" | "completed" | "failed" | "paused" | "unknown";

/**
 * One queue as its producers see it. Every method fails fast when the queue's server is away.
 * @throws {TransientError} `queue_unavailable`, from every method
 */
export type JobQueue = {
  /** Adds all jobs; ids the queue knows are no-ops, so a call that failed midway may be repeated. */
  add(jobs: readonly NewJob[]): Promise<void>;
  /** State per id; `unknown` for ids the queue does not have. */
  states(ids: readonly string[]): Promise<Map<string, JobState>>;
  /** Number of jobs by state, zeros included. */
  counts(): Promise<Record<string, number>>;
  /** Stops all workers of this queue, in every process, from taking jobs. Survives restarts. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Forgets jobs, so that their ids may be added again. Jobs that a worker holds stay. */
  drop(ids: readonly string[]): Promise<void>;
  /** For bull-board only. */
  readonly bullmq: Queue;
};

export type JobWorker = {
  /**
   * Takes no more jobs and waits for those that run; at the deadline their signals abort.
   * A job that does not heed its signal is left to the stalled check of another worker.
   */
  close(deadlineMs?: number): Promise<void>;
};

export type HandleJob = (job: JobView, signal: AbortSignal) => Promise<JobOutcome>;

export type WorkOptions = {
  /** Jobs at a time in this process. */
  readonly concurrency: number;
  /** Told of a job that failed for good or will be tried again, and of trouble with the server. Must not throw. */
  readonly onError: (error: unknown, job?: JobView) => void;
  /** At most `max` jobs start in any `durationMs`, over all processes. */
  readonly limiter?: { readonly max: number; readonly durationMs: number };
  /**
   * Resolves when some process may be at work on a job, and after a while in any case: only then jobs of dead workers
   * are looked for. Default: at once.
   */
  readonly untilBusy?: (signal: AbortSignal) => Promise<void>;
};

export type QueueMemory = { readonly usedBytes: number; readonly maxBytes: number };

/** BullMQ on one of its stores. Callers never see which. */
export type QueueBackend = {
  readonly kind: "redis" | "postgres" | "pglite";
  /** The producers' side; the same object for the same name. */
  open(name: QueueName): JobQueue;
  /** Starts taking jobs at once. */
  work(name: QueueName, handle: HandleJob, options: WorkOptions): JobWorker;
  /** Reads from the queue. @throws {TransientError} `queue_unavailable`, or the signal's reason */
  check(signal: AbortSignal): Promise<void>;
  /**
   * How full the server's memory is, where that has a limit of its own and nothing is thrown away to make room.
   * @throws {TransientError} `queue_unavailable`
   */
  memory(): Promise<QueueMemory | undefined>;
  /** Closes workers that still run, then queues, then connections. Not the embedded database, which is the caller's. */
  close(): Promise<void>;
};

/** How jobs are timed; tests shorten it. */
export type QueueTuning = {
  /** Tries of one job before the queue gives up; large, because the ledger decides when to. */
  readonly attempts: number;
  /** First pause after a failure, in milliseconds; it doubles from there. */
  readonly backoffBaseMs: number;
  /** Longest pause, in milliseconds, unless the upstream asked for more. */
  readonly backoffCeilingMs: number;
  /** How long a job stays its worker's without renewal, in milliseconds. Renewed every half of it. */
  readonly lockMs: number;
  /** How often jobs of dead workers are looked for, in milliseconds. */
  readonly stalledCheckMs: number;
};

export type QueueConfig = (
  | { readonly kind: "redis"; readonly url: string; readonly prefix?: string }
  | { readonly kind: "postgres"; readonly url: string }
  | { readonly kind: "pglite"; readonly pglite: PGlite }
) & { readonly tuning?: Partial<QueueTuning> };

export type QueueDeps = {
  readonly clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  readonly random: () => number;
  readonly log: Log;
  /** Told of jobs. Default: nobody is. */
  readonly trace?: Trace;
  /** Told once of settings of the server that endanger jobs; by default they are logged. */
  readonly onWarning?: (warning: string) => void;
};
