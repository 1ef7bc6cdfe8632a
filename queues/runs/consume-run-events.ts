import type { Clock } from "../../src/clock.ts";
import type { StreamEnd } from "../../src/dify/recovery.ts";
import type { DifyRunEvent } from "../../src/dify/types.ts";
import type { RunDesk } from "../run-desk.ts";

/** Characters of a node's title that are kept. */
const MAX_TITLE_CHARS = 120;
/** Shortest time between two notes of progress, so that a chatty workflow does not wear out the ledger. */
const PROGRESS_EVERY_MS = 1_000;

/**
 * Reads a run's stream to its last event. Handles are written down before the next event is looked at.
 * @param hear told of each event before anything else
 * @returns the last event, or undefined when the stream ended without one
 */
export async function consumeRunEvents(
  events: AsyncGenerator<DifyRunEvent>,
  desk: RunDesk,
  clock: Clock,
  hear: (event: DifyRunEvent) => Promise<void> | void = () => undefined,
): Promise<StreamEnd | undefined> {
  let notedMs = Number.NEGATIVE_INFINITY;
  for await (const event of events) {
    await hear(event);
    switch (event.kind) {
      case "ping":
        break;
      case "handles": {
        const news = {
          ...(desk.run.workflowRunId === null ? { workflowRunId: event.workflowRunId } : {}),
          ...(event.taskId !== undefined && desk.run.taskId !== event.taskId ? { taskId: event.taskId } : {}),
        };
        if (Object.keys(news).length > 0) await desk.checkpoint(news);
        break;
      }
      case "node":
        if (event.phase === "started" && clock.now() - notedMs >= PROGRESS_EVERY_MS) {
          notedMs = clock.now();
          await desk.checkpoint({ progress: shortTitle(event.title) });
        }
        break;
      case "finished":
      case "paused":
      case "error":
        return { event, atMs: clock.now() };
      default:
        event satisfies never;
    }
  }
  return undefined;
}

/** Titles are what somebody typed into Dify; a database takes no NUL and a page no novel. */
const shortTitle = (title: string): string =>
  title
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(0, MAX_TITLE_CHARS);
