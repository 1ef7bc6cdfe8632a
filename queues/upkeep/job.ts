import { z } from "zod";
import type { NewJob } from "../backend.ts";
import type { JobKind } from "../job-kind.ts";

const UpkeepJob = z.strictObject({ v: z.literal(1), chore: z.enum(["sweep", "retention"]) });

export const UPKEEP_JOBS: JobKind<typeof UpkeepJob> = { schema: UpkeepJob, upgrades: [] };
export type Chore = z.infer<typeof UpkeepJob>["chore"];

/** The same chore in the same period is one job, whichever process asks for it. */
export function upkeepJob(chore: Chore, period: number): NewJob {
  return { id: `${chore}-${period}`, data: { v: 1, chore } satisfies z.infer<typeof UpkeepJob> };
}
