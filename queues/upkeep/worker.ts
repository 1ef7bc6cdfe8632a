import type { JobWorker, QueueBackend } from "../backend.ts";
import { logWorkerError } from "../log-worker-error.ts";
import { parseJob } from "../parse-job.ts";
import { UpkeepJob } from "./job.ts";
import { type ProcessUpkeepDeps, processUpkeep } from "./process-upkeep.ts";

/** One chore at a time in this process. */
export function startUpkeepWorker(backend: QueueBackend, deps: ProcessUpkeepDeps): JobWorker {
  const handle = processUpkeep(deps);
  return backend.work("upkeep", (job, signal) => handle(parseJob(UpkeepJob, job.data).chore, signal), {
    concurrency: 1,
    onError: logWorkerError(deps.log, "upkeep"),
  });
}
