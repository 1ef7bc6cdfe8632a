import { RelayError } from "../src/errors.ts";
import { messageOf } from "../src/message-of.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { QueueName, WorkOptions } from "./backend.ts";

/** Tells the log of jobs that failed and of trouble with the queue's server. */
export const logWorkerError =
  (log: Log, queue: QueueName): WorkOptions["onError"] =>
  (error, job) => {
    log.warn("worker.error", {
      queue,
      jobId: job?.id,
      code: error instanceof RelayError ? error.code : undefined,
      message: messageOf(error),
    });
  };
