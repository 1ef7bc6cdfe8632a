import { DelayedError, type Job, type Processor, type Worker } from "bullmq";
import type { Clock } from "../src/clock.ts";
import { TransientError } from "../src/errors.ts";
import type { HandleJob, JobOutcome, JobView, JobWorker, WorkOptions } from "./backend.ts";
import type { Outage } from "./backends/outage.ts";
import { endsWithin } from "./ends-within.ts";
import { withPatience } from "./patient-backend.ts";
import { takeBackJobs } from "./take-back-jobs.ts";
import { fromBullMq, toBullMq } from "./to-bullmq.ts";

/** What a store gives for a worker: BullMQ's, and the way to close what was opened for it. */
export type OpenedWorker = {
  readonly worker: Worker;
  /** Cuts its connections; called when it has closed, or would not. */
  readonly release: () => Promise<void>;
};

export type JobWorkerDeps = {
  readonly clock: Clock;
  /** Creates the BullMQ worker, which starts at once. */
  readonly open: (process: Processor) => OpenedWorker;
  /** Whether an error only says that the server is away; the store reports that itself, once an outage. */
  readonly isOutage: (error: unknown) => boolean;
  /** Told when the server refuses what the worker asks. */
  readonly outage: Outage;
  /** How often jobs of dead workers are looked for, in milliseconds. */
  readonly stalledCheckMs: number;
};

const DEFAULT_DEADLINE_MS = 10_000;
/** After the deadline, how long a job may take to heed its signal, and BullMQ to write the ending down. */
const GRACE_MS = 2_000;

/** Runs a handler for the jobs of one queue. */
export function startJobWorker(
  handle: HandleJob,
  { onError, untilBusy = async () => undefined }: WorkOptions,
  { clock, open, isOutage, outage, stalledCheckMs: everyMs }: JobWorkerDeps,
): JobWorker {
  const stopped = new TransientError("aborted", "the worker is closing");
  const running = new Set<Promise<unknown>>();

  // BullMQ passes a signal only to processors that declare three parameters.
  const { worker, release } = open(async (job: Job, token, signal): Promise<void> => {
    const heeded = signal ?? new AbortController().signal;
    const call = (async () => handle(view(job), heeded))();
    track(running, call);
    const outcome = await call.catch((error: unknown): JobOutcome => {
      if (!heeded.aborted || heeded.reason !== stopped) throw toBullMq(error);
      // Being told to stop is no failure of the job: the next worker starts it at once.
      return { kind: "later", atMs: clock.now() };
    });
    if (outcome.kind === "later") await putOff(job, outcome.atMs, token);
  });

  const leaving = new AbortController();
  worker.backend = withPatience(worker.backend, { clock, outage }, leaving.signal);
  worker.on("failed", (job, error) => onError(fromBullMq(error), job && view(job, -1)));
  const tell = (error: unknown): void => {
    if (!isOutage(error) && outage.isNews(error)) onError(error);
  };
  worker.on("error", tell);
  worker.on("lockRenewalFailed", (ids) => {
    for (const id of ids) worker.cancelJob(id, lockLost() as unknown as string); // typed as text, passed on as it is
  });

  void takeBackJobs({ worker, clock, everyMs, untilBusy, onError: tell }, leaving.signal);

  const closeWithin = async (deadlineMs: number): Promise<void> => {
    leaving.abort(stopped);
    const closed = worker.close().catch((error: unknown) => onError(error));
    // With the server away BullMQ may wait for it for ever; without a job to wait for, we do not.
    const idle = Promise.all(running).then(() => endsWithin(clock, closed, GRACE_MS));
    if (!(await endsWithin(clock, Promise.race([closed, idle]), deadlineMs))) {
      worker.cancelAllJobs(stopped as unknown as string); // as above
      await endsWithin(clock, closed, GRACE_MS);
    }
    await release();
  };
  let closing: Promise<void> | undefined;
  return {
    close: (deadlineMs = DEFAULT_DEADLINE_MS) => {
      closing ??= closeWithin(deadlineMs);
      return closing;
    },
  };
}

/** Puts a job off without burning an attempt, and tells BullMQ so. */
async function putOff(job: Job, atMs: number, token: string | undefined): Promise<never> {
  await job.moveToDelayed(Math.round(atMs), token);
  throw new DelayedError();
}

function lockLost(): TransientError {
  return new TransientError("lease_lost", "another worker may have this job");
}

/** @param finished -1 for a job whose failed attempt has been counted already */
function view({ id, data, attemptsMade }: Job, finished: 0 | -1 = 0): JobView {
  return { id: id ?? "", data, attempt: attemptsMade + 1 + finished };
}

/** Holds what has not settled. */
function track(pending: Set<Promise<unknown>>, call: Promise<unknown>): void {
  const settled: Promise<boolean> = call.then(
    () => pending.delete(settled),
    () => pending.delete(settled),
  );
  pending.add(settled);
}
