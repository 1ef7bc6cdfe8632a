import type { JobWorker, QueueBackend } from "../backend.ts";
import { withJob } from "../job-kind.ts";
import { logWorkerError } from "../log-worker-error.ts";
import { UPKEEP_JOBS } from "./job.ts";
import { type ProcessUpkeepDeps, processUpkeep } from "./process-upkeep.ts";

/** One chore at a time in this process. */
export function startUpkeepWorker(backend: QueueBackend, deps: ProcessUpkeepDeps): JobWorker {
  const handle = processUpkeep(deps);
  return backend.work(
    "upkeep",
    withJob(UPKEEP_JOBS, deps, ({ chore }, signal) => handle(chore, signal)),
    {
      concurrency: 1,
      onError: logWorkerError(deps.log, "upkeep"),
    },
  );
}
