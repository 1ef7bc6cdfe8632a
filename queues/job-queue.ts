import type { JobsOptions, Queue } from "bullmq";
import type { Clock } from "../src/clock.ts";
import { TransientError } from "../src/errors.ts";
import type { Trace } from "../src/telemetry/trace.ts";
import type { JobQueue, JobState, NewJob, QueueName } from "./backend.ts";

export type JobQueueDeps = {
  readonly queue: Queue;
  /** BullMQ's own words for the state of each id; ids it does not know may be missing. */
  readonly readStates: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** Adds many at once; ids that are known are no-ops. */
  readonly addMany: (entries: readonly JobEntry[]) => Promise<unknown>;
  readonly attempts: number;
  readonly clock: Clock;
  readonly trace: Trace;
};

/** A job as BullMQ takes it; it waits for nothing but its turn. */
export type JobEntry = {
  readonly name: string;
  readonly data: NewJob["data"];
  readonly opts: Omit<JobsOptions, "delay"> & { readonly jobId: string; readonly attempts: number };
};

/** Longest wait for the queue's server before a producer gives up; the sweep tries again. */
const PRODUCER_DEADLINE_MS = 5_000;
/** Up to here each is told of in its own trace. */
const FEW = 3;
/** How many finished jobs are remembered, and for how long: for the eye, since the ledger remembers all. */
const KEEP_DONE = { count: 1_000, age: 3_600 } as const;
/** The sweep alone is a job every two seconds, each like the last: keys and memory of the queue's server for nothing. */
const KEEP_UPKEEP_DONE = { count: 50, age: 3_600 } as const;
/**
 * Where many are kept, one job in so many clears the others away: BullMQ on SQL goes through all of them each time, which
 * took longer than all else that ends a job.
 */
const CLEARED_EVERY = 50;
const KEEP_FAILED = { count: 5_000, age: 7 * 24 * 3_600 } as const;

const STATES: Readonly<Record<string, JobState>> = {
  waiting: "waiting",
  prioritized: "waiting",
  "waiting-children": "waiting",
  active: "active",
  delayed: "delayed",
  completed: "completed",
  failed: "failed",
  paused: "paused",
};

/** The producers' side of one BullMQ queue. */
export function createJobQueue({ queue, readStates, addMany, attempts, clock, trace }: JobQueueDeps): JobQueue {
  const ask = <T>(call: () => Promise<T>): Promise<T> => failFast(clock, call);
  const isUpkeep = queue.name === ("upkeep" satisfies QueueName);
  let added = 0;
  const keepNext = (): EntryOptions["keepDone"] => {
    if (isUpkeep) return KEEP_UPKEEP_DONE;
    added += 1;
    // The first of a process does, too: it may end before it comes to its fiftieth.
    return added % CLEARED_EVERY === 1 ? KEEP_DONE : false;
  };
  return {
    bullmq: queue,
    add: async (jobs) => {
      if (jobs.length === 0) return;
      const entries = jobs.map((job) => toEntry(job, { attempts, trace, keepDone: keepNext() }));
      await ask(() =>
        trace.jobs !== undefined && entries.length <= FEW
          ? Promise.all(
              entries.map(({ name, data, opts }, at) =>
                trace.within(jobs[at]?.traceparent ?? null, () => queue.add(name, data, opts)),
              ),
            )
          : trace.within(null, () => addMany(entries)),
      );
    },
    states: async (ids) => {
      const known = ids.length === 0 ? new Map<string, string>() : await ask(() => readStates(ids));
      return new Map(ids.map((id) => [id, STATES[known.get(id) ?? ""] ?? "unknown"]));
    },
    counts: async () => {
      const counts: Record<string, number> = Object.fromEntries([...new Set(Object.values(STATES))].map((s) => [s, 0]));
      for (const [word, count] of Object.entries(await ask(() => queue.getJobCounts()))) {
        const state = STATES[word];
        if (state) counts[state] = (counts[state] ?? 0) + count;
      }
      return counts;
    },
    pause: () => ask(() => queue.pause()),
    resume: () => ask(() => queue.resume()),
    drop: async (ids) => {
      // A job that a worker holds cannot be removed; BullMQ says so by its answer, which is not ours to judge.
      await ask(() => Promise.all(ids.map((id) => queue.remove(id))));
    },
  };
}

/** Runs a call to the queue's server, bounded in time. @throws {TransientError} `queue_unavailable` */
export async function failFast<T>(clock: Clock, call: () => Promise<T>): Promise<T> {
  const done = new AbortController();
  const deadline = clock.sleep(PRODUCER_DEADLINE_MS, done.signal).then(() => {
    throw new Error(`no answer within ${PRODUCER_DEADLINE_MS} ms`);
  });
  try {
    return await Promise.race([call(), deadline]);
  } catch (error) {
    const words = error instanceof Error ? error.message || error.name : "unknown";
    throw new TransientError("queue_unavailable", `the queue does not answer: ${words}`, { cause: error });
  } finally {
    done.abort("done"); // with a word: without one it makes an error with a stack
    deadline.catch(() => undefined);
  }
}

type EntryOptions = {
  readonly attempts: number;
  readonly trace: Trace;
  /** false: it clears nothing away. */
  readonly keepDone: { readonly count: number; readonly age: number } | false;
};

function toEntry(
  { id, data, priority, traceparent }: NewJob,
  { attempts, trace: { jobs }, keepDone }: EntryOptions,
): JobEntry {
  // BullMQ takes such ids for its own: digits number jobs, and a colon parts its keys.
  if (id === "" || id.includes(":") || /^\d+$/.test(id)) throw new Error(`not usable as a job id: ${id}`);
  return {
    name: "job",
    data,
    opts: {
      jobId: id,
      attempts,
      backoff: { type: "relay" },
      removeOnComplete: keepDone,
      removeOnFail: KEEP_FAILED,
      ...(priority === undefined ? {} : { priority }),
      // Each its own: together they were brought by many, and whoever adds them is none of these.
      ...(jobs && {
        telemetry: traceparent === undefined ? { omitContext: true } : { metadata: jobs.metadataOf(traceparent) },
      }),
    },
  };
}
