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

/** What is told of an event about a file that has its run from another one; routed once more, it tells what it told. */
export const madeBefore = (
  { runId, eventKey }: { readonly runId: string; readonly eventKey: string },
  wanted: Pick<WantedRun, "eventKey">,
): Made => (eventKey === wanted.eventKey ? {} : { reason: `this version of the file has a run already: ${runId}` });

/** Statuses from which a run goes on. */
export const UNFINISHED: readonly RunStatus[] = ["queued", "fetching", "running", "delivering", "paused", "held"];
