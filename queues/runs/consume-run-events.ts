import type { Clock } from "../../src/clock.ts";
import type { StreamEnd } from "../../src/dify/recovery.ts";
import type { DifyRunEvent } from "../../src/dify/types.ts";
import { endsWithin } from "../ends-within.ts";
import type { RunDesk } from "../run-desk.ts";
import { createNodeTracker } from "./node-tracker.ts";

/** Shortest time between two notes of progress, so that a chatty workflow does not wear out the ledger. */
const PROGRESS_EVERY_MS = 1_000;
/** Where one node ends another mostly begins: so long that is waited for before it is noted that none is at work. */
const SETTLE_MS = 100;

/**
 * Reads a run's stream to its last event. Handles are written down before the next event is looked at; what the nodes
 * do is, too, but not more often than once a second; how they ended is noted for the next checkpoint.
 * @param hear told of each event before anything else
 * @returns the last event, or undefined when the stream ended without one
 */
export async function consumeRunEvents(
  events: AsyncGenerator<DifyRunEvent>,
  desk: RunDesk,
  clock: Clock,
  hear: (event: DifyRunEvent) => Promise<void> | void = () => undefined,
): Promise<StreamEnd | undefined> {
  const tracker = createNodeTracker(desk.run.nodes, () => clock.now());
  // What ends at once is told of when it has.
  let notedMs = clock.now() - PROGRESS_EVERY_MS + SETTLE_MS;
  let isNoted = true;
  const news = () => ({ progress: tracker.present() ?? null, nodes: tracker.nodes() });
  const note = async (): Promise<void> => {
    notedMs = clock.now();
    isNoted = true;
    await desk.checkpoint(news());
  };

  let isAsking = false;
  /** The next event; what is not noted yet is, when none comes for so long. */
  const next = async (): Promise<IteratorResult<DifyRunEvent, unknown>> => {
    isAsking = true;
    const coming = events.next();
    const patienceMs = Math.max(SETTLE_MS, notedMs + PROGRESS_EVERY_MS - clock.now());
    if (!isNoted && !(await endsWithin(clock, Promise.allSettled([coming]), patienceMs))) await note();
    const came = await coming;
    isAsking = false;
    return came;
  };

  try {
    for (;;) {
      const { done, value: event } = await next();
      if (done) return undefined;
      await hear(event);
      switch (event.kind) {
        case "ping":
        case "unknown":
          break;
        case "handles": {
          const handles = {
            ...(desk.run.workflowRunId === null ? { workflowRunId: event.workflowRunId } : {}),
            ...(event.taskId !== undefined && desk.run.taskId !== event.taskId ? { taskId: event.taskId } : {}),
          };
          if (Object.keys(handles).length > 0) await desk.checkpoint(handles);
          break;
        }
        case "node":
          tracker.hear(event);
          isNoted = false;
          if (event.phase === "started" && clock.now() - notedMs >= PROGRESS_EVERY_MS) await note();
          break;
        case "paused":
          tracker.pause();
          isNoted = false;
          return { event, atMs: clock.now() };
        case "finished":
        case "error":
          return { event, atMs: clock.now() };
        default:
          event satisfies never;
      }
    }
  } finally {
    const closed = events.return(undefined);
    // One that still waits for its source is closed when that ends: at the latest with the lease.
    if (isAsking) closed.catch(() => undefined);
    else await closed;
    if (!isNoted && !desk.signal.aborted) desk.note(news());
  }
}
