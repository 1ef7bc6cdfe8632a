import { z } from "zod";
import type { NewJob } from "../backend.ts";
import type { JobKind } from "../job-kind.ts";

/** Ids only; the run whose outputs are to be delivered is in the ledger. */
const ShareJob = z.strictObject({ v: z.literal(1), runId: z.string().min(1) });

export const SHARES_JOBS: JobKind<typeof ShareJob> = { schema: ShareJob, upgrades: [] };

/** @param generation how often the outbox had to hand it over; a new one makes a new job */
export function shareJob(runId: string, generation: number): NewJob {
  return { id: `share-${runId}-${generation}`, data: { v: 1, runId } satisfies z.infer<typeof ShareJob> };
}
