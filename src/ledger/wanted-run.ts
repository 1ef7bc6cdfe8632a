import type { NewRun, RunRow, RunStatus } from "./schema.ts";

/** What a routed event asks for: a run, or a place in a batch when the rule gathers files. */
export type WantedRun = NewRun & {
  /** Content hash of its file, such as `sha256:…`; kept with the files of a batch. */
  readonly fileHash?: string | undefined;
};

/** What became of a wanted run. */
export type Made = {
  /** The run that is new, or the batch that its file joined. */
  readonly run?: RunRow;
  /** Why nothing was made of it, where no run tells that itself. */
  readonly reason?: string;
};

/** Statuses from which a run goes on. */
export const UNFINISHED: readonly RunStatus[] = ["queued", "fetching", "running", "delivering", "paused", "held"];
