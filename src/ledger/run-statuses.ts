import type { RunStatus } from "./schema/runs.ts";

/** Where a run may stand, in the order of its way. */
export const RUN_STATUSES = [
  "queued",
  "fetching",
  "running",
  "delivering",
  "delivered",
  "failed",
  "cancelled",
  "paused",
  "held",
  "skipped",
] as const satisfies readonly RunStatus[];
