import { type IQueueBackend, isNotConnectionError } from "bullmq";
import type { Clock } from "../src/clock.ts";
import type { Outage } from "./backends/outage.ts";
import { overlay } from "./backends/overlay.ts";
import { endsWithin } from "./ends-within.ts";

export type PatienceDeps = { readonly clock: Clock; readonly outage: Outage };

const FIRST_PAUSE_MS = 100;
/** Below the time of a lock: a job that came with the end of another waits for the pause, and is not renewed meanwhile. */
const LONGEST_PAUSE_MS = 2_000;
/** How long a worker waits for a sign that there is a job while it does not know whether it would get one. */
const SHORT_WAIT_SECONDS = 1;
/** How much longer than asked a wait may take: BullMQ ends it a second later, and renews the connection. */
const STUCK_AFTER_MS = 5_000;

/**
 * A worker's backend that waits before it passes on that the server refused what the worker goes on asking: BullMQ asks
 * again at once unless the connection is lost, so that a Redis that cannot save was asked 3,000 times a second.
 *
 * And one that gives up a wait that does not end: on a cluster BullMQ waits for the end of a connection that it, or
 * ioredis, has renewed meanwhile, and for ever; the worker then took no job until its process was started anew.
 *
 * @param signal ends pauses; what fails after it is told to nobody
 */
export function withPatience<Backend extends IQueueBackend>(
  backend: Backend,
  { clock, outage }: PatienceDeps,
  signal: AbortSignal,
): Backend {
  const patiently = <Args extends readonly unknown[], Answer>(ask: (...args: Args) => Promise<Answer>) => {
    const witness = {};
    let pauseMs = FIRST_PAUSE_MS;
    return async (...args: Args): Promise<Answer> => {
      try {
        const answer = await ask(...args);
        pauseMs = FIRST_PAUSE_MS;
        outage.end(witness);
        return answer;
      } catch (error) {
        if (!signal.aborted && error instanceof Error && isNotConnectionError(error)) {
          outage.begin(witness, error);
          const nowMs = pauseMs;
          pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
          await clock.sleep(nowMs, signal).catch(() => undefined);
        }
        throw error;
      }
    };
  };
  const wait = async (most: number) => {
    const seconds = outage.refusal() === undefined ? most : Math.min(most, SHORT_WAIT_SECONDS);
    const sign = backend.waitForJob(seconds);
    return (await endsWithin(clock, sign, seconds * 1_000 + STUCK_AFTER_MS)) ? sign : null;
  };
  return overlay(backend, {
    moveToActive: patiently((token: string, name?: string) => backend.moveToActive(token, name)),
    waitForJob: patiently(wait),
    moveStalledJobsToWait: patiently(() => backend.moveStalledJobsToWait()),
  });
}
