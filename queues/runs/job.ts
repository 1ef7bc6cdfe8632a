import { z } from "zod";
import type { NewJob } from "../backend.ts";
import type { JobKind } from "../job-kind.ts";

/** Ids only; the run itself is in the ledger. */
const RunJob = z.strictObject({ v: z.literal(1), runId: z.string().min(1) });

export const RUNS_JOBS: JobKind<typeof RunJob> = { schema: RunJob, upgrades: [] };

/** @param generation how often the outbox had to hand it over; a new one makes a new job */
export function runJob(runId: string, generation: number): NewJob {
  return { id: `run-${runId}-${generation}`, data: { v: 1, runId } satisfies z.infer<typeof RunJob> };
}
