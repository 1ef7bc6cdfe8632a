import type { JobWorker, QueueBackend } from "../backend.ts";
import { logWorkerError } from "../log-worker-error.ts";
import { parseJob } from "../parse-job.ts";
import { ShareJob } from "./job.ts";
import { type ProcessShareDeps, processShare } from "./process-share.ts";

/** Deliveries to Fast.io at a time in this process. */
const CONCURRENCY = 6;

export function startSharesWorker(backend: QueueBackend, deps: ProcessShareDeps): JobWorker {
  const handle = processShare(deps);
  return backend.work("shares", (job, signal) => handle(parseJob(ShareJob, job.data).runId, signal), {
    concurrency: CONCURRENCY,
    onError: logWorkerError(deps.log, "shares"),
  });
}
