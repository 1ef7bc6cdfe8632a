import type { Clock } from "../../src/clock.ts";
import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { JobQueue } from "../backend.ts";
import { type Chore, upkeepJob } from "./job.ts";

const SWEEP_EVERY_MS = 2_000;
const RETENTION_EVERY_MS = 3_600_000;

/**
 * Asks for the chores of each period. Every process ticks, and the first to name a period's job makes it,
 * so no process leads; and since the asking is not stored in the queue, wiping the queue does not end it.
 * @returns stops the ticking
 */
export function startTicker(deps: { readonly queue: JobQueue; readonly clock: Clock; readonly log: Log }): () => void {
  const ask = (chore: Chore, everyMs: number) => async (): Promise<void> => {
    try {
      await deps.queue.add([upkeepJob(chore, Math.floor(deps.clock.now() / everyMs))]);
    } catch (error) {
      deps.log.debug("upkeep.not_asked", { chore, message: messageOf(error) });
    }
  };
  const chores = [
    { run: ask("sweep", SWEEP_EVERY_MS), everyMs: SWEEP_EVERY_MS },
    { run: ask("retention", RETENTION_EVERY_MS), everyMs: RETENTION_EVERY_MS },
  ];
  const timers = chores.map(({ run, everyMs }) => {
    void run();
    return setInterval(() => void run(), everyMs);
  });
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
