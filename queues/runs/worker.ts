import type { JobWorker, QueueBackend } from "../backend.ts";
import { withJob } from "../job-kind.ts";
import { logWorkerError } from "../log-worker-error.ts";
import { type AppGateDeps, createAppGate } from "./app-gate.ts";
import { RUNS_JOBS } from "./job.ts";
import { type ProcessRunDeps, processRun } from "./process-run.ts";

export type RunsWorkerDeps = Omit<ProcessRunDeps, "gate"> & Pick<AppGateDeps, "limit" | "lookout">;

/** Jobs at a time for each slot an app may have: at work in Dify, standing ready, and having their outputs collected. */
const JOBS_PER_SLOT = 3;
const LEAST_JOBS = 24;

/** Takes more runs than an app has slots: what finds none gives its worker back, and runs of other apps go on. */
export function startRunsWorker(backend: QueueBackend, deps: RunsWorkerDeps): JobWorker {
  const gate = createAppGate(deps);
  const handle = processRun({ ...deps, gate });
  const worker = backend.work(
    "runs",
    withJob(RUNS_JOBS, deps, ({ runId }, signal) => handle(runId, signal)),
    {
      concurrency: Math.max(LEAST_JOBS, JOBS_PER_SLOT * deps.limit.ceiling),
      onError: logWorkerError(deps.log, "runs"),
    },
  );
  return {
    close: async (deadlineMs) => {
      await worker.close(deadlineMs);
      gate.close();
    },
  };
}
