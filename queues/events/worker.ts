import type { JobWorker, QueueBackend } from "../backend.ts";
import { logWorkerError } from "../log-worker-error.ts";
import { parseJob } from "../parse-job.ts";
import { EventJob } from "./job.ts";
import { type ProcessEventDeps, processEvent } from "./process-event.ts";

/** Events routed at a time in this process: a few calls to Fast.io each. */
const CONCURRENCY = 8;

export function startEventsWorker(backend: QueueBackend, deps: ProcessEventDeps): JobWorker {
  const handle = processEvent(deps);
  return backend.work("events", (job, signal) => handle(parseJob(EventJob, job.data).eventKey, signal), {
    concurrency: CONCURRENCY,
    onError: logWorkerError(deps.log, "events"),
  });
}
