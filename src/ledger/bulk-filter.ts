import type { RunStatus } from "./schema/runs.ts";

/** Which runs are meant; what is left out does not matter. */
export type BulkFilter = {
  readonly status?: RunStatus | undefined;
  readonly rule?: string | undefined;
  /** Code of the error they ended with. */
  readonly error?: string | undefined;
  /** When they were made, in milliseconds since the epoch. */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
};
