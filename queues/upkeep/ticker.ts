import type { Clock } from "../../src/clock.ts";
import { forgetEveryMs } from "../../src/ledger/retention.ts";
import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { JobQueue } from "../backend.ts";
import { type Chore, upkeepJob } from "./job.ts";
import type { Lookout } from "./lookout.ts";

const SWEEP_EVERY_MS = 2_000;

/**
 * Asks for the chores of each period, and for a sweep only when there may be something to hand over. Every process
 * ticks, and the first to name a period's job makes it, so no process leads; and since the asking is not stored in the
 * queue, wiping the queue does not end it.
 * @returns stops the ticking
 */
export function startTicker(deps: {
  readonly queue: JobQueue;
  readonly clock: Clock;
  readonly log: Log;
  readonly lookout: Pick<Lookout, "until">;
  /** How long finished work is remembered, in milliseconds. */
  readonly retentionMs: number;
}): () => void {
  const { clock, lookout } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  const retentionEveryMs = forgetEveryMs(deps.retentionMs);
  const ask = (chore: Chore, everyMs: number) => async (): Promise<void> => {
    try {
      await deps.queue.add([upkeepJob(chore, Math.floor(deps.clock.now() / everyMs))]);
    } catch (error) {
      deps.log.debug("upkeep.not_asked", { chore, message: messageOf(error) });
    }
  };
  const asks = [
    { ask: ask("sweep", SWEEP_EVERY_MS), everyMs: SWEEP_EVERY_MS, until: () => lookout.until("handOver", signal) },
    { ask: ask("retention", retentionEveryMs), everyMs: retentionEveryMs, until: () => undefined },
  ];
  for (const one of asks) {
    void (async () => {
      while (!signal.aborted) {
        await one.ask();
        await clock.sleep(one.everyMs, signal).catch(() => undefined);
        await one.until();
      }
    })();
  }
  return () => stopping.abort(new Error("the relay stops"));
}
