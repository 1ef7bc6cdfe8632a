import { z } from "zod";
import type { NewJob } from "../backend.ts";
import type { JobKind } from "../job-kind.ts";

/** Ids only; the event itself is in the ledger. */
const EventJob = z.strictObject({ v: z.literal(1), eventKey: z.string().min(1) });

export const EVENTS_JOBS: JobKind<typeof EventJob> = { schema: EventJob, upgrades: [] };

/** @param generation how often the outbox had to hand it over; a new one makes a new job */
export function eventJob(eventKey: string, generation: number): NewJob {
  return { id: `event-${eventKey}-${generation}`, data: { v: 1, eventKey } satisfies z.infer<typeof EventJob> };
}
