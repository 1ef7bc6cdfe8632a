import type { JobWorker, QueueBackend } from "../backend.ts";
import { logWorkerError } from "../log-worker-error.ts";
import { parseJob } from "../parse-job.ts";
import { RunJob } from "./job.ts";
import { type ProcessRunDeps, processRun } from "./process-run.ts";

/** @param parallel runs at a time in this process: each holds a connection and a worker of Dify for its whole life */
export function startRunsWorker(backend: QueueBackend, deps: ProcessRunDeps, parallel: number): JobWorker {
  const handle = processRun(deps);
  return backend.work("runs", (job, signal) => handle(parseJob(RunJob, job.data).runId, signal), {
    concurrency: parallel,
    onError: logWorkerError(deps.log, "runs"),
  });
}
