import type { JobWorker, QueueBackend } from "../backend.ts";
import { withJob } from "../job-kind.ts";
import { logWorkerError } from "../log-worker-error.ts";
import { EVENTS_JOBS } from "./job.ts";
import { type ProcessEventDeps, processEvent } from "./process-event.ts";

/** Events routed at a time in this process: a few calls to Fast.io each. */
const CONCURRENCY = 8;

/** Routes events of the queue; a job that does not parse is over at once. */
export function startEventsWorker(backend: QueueBackend, deps: ProcessEventDeps): JobWorker {
  const handle = processEvent(deps);
  return backend.work(
    "events",
    withJob(EVENTS_JOBS, deps, ({ eventKey }, signal) => handle(eventKey, signal)),
    {
      concurrency: CONCURRENCY,
      onError: logWorkerError(deps.log, "events"),
    },
  );
}
