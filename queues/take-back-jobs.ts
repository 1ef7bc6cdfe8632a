import type { Worker } from "bullmq";
import type { Clock } from "../src/clock.ts";

export type TakeBackDeps = {
  readonly worker: Pick<Worker, "backend">;
  readonly clock: Clock;
  /** Milliseconds between two looks; a job is marked by one, and taken back by the next once its lock is over. */
  readonly everyMs: number;
  /** Resolves when some process may be at work on a job. */
  readonly untilBusy: (signal: AbortSignal) => Promise<void>;
  readonly onError: (error: unknown) => void;
};

/**
 * Puts jobs whose worker died back into the queue. BullMQ does the same on a timer of its own, also where no process
 * can have a job: that is most of what a relay at rest would ask its queue.
 */
export async function takeBackJobs(
  { worker, clock, everyMs, untilBusy, onError }: TakeBackDeps,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let looked = false;
    try {
      await worker.backend.moveStalledJobsToWait();
      looked = true;
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    await clock.sleep(everyMs, signal).catch(() => undefined);
    if (looked) await untilBusy(signal);
  }
}
