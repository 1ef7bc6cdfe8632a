import type { RunRow } from "./schema.ts";

/** Whether a run was laid aside for a person to choose how it goes on; one that asks with a form is still looked at. */
export const isParked = ({ status, queue }: Pick<RunRow, "status" | "queue">): boolean =>
  status === "paused" && queue === null;
