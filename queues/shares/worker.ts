import type { JobWorker, QueueBackend } from "../backend.ts";
import { withJob } from "../job-kind.ts";
import { logWorkerError } from "../log-worker-error.ts";
import { SHARES_JOBS } from "./job.ts";
import { type ProcessShareDeps, processShare } from "./process-share.ts";

/** Deliveries to Fast.io at a time in this process. */
const CONCURRENCY = 6;

export function startSharesWorker(backend: QueueBackend, deps: ProcessShareDeps): JobWorker {
  const handle = processShare(deps);
  return backend.work(
    "shares",
    withJob(SHARES_JOBS, deps, ({ runId }, signal) => handle(runId, signal)),
    {
      concurrency: CONCURRENCY,
      onError: logWorkerError(deps.log, "shares"),
    },
  );
}
