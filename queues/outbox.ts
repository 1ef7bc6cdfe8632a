import type { Clock } from "../src/clock.ts";
import { markEventsQueued } from "../src/ledger/event-queries.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import { markRunsQueued, type QueuedRun } from "../src/ledger/run-queries.ts";
import type { RunQueue } from "../src/ledger/schema.ts";
import { messageOf } from "../src/message-of.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { JobQueue, NewJob } from "./backend.ts";
import { eventJob } from "./events/job.ts";
import { runJob } from "./runs/job.ts";
import { shareJob } from "./shares/job.ts";

export type Queues = {
  readonly events: JobQueue;
  readonly runs: JobQueue;
  readonly shares: JobQueue;
  readonly upkeep: JobQueue;
};

/**
 * Hands committed work to the queue. It never rejects: what cannot be handed over now stays marked
 * in the ledger, and the sweep hands it over later.
 */
export type Outbox = {
  sendEvents(events: readonly { readonly key: string; readonly generation: number }[]): Promise<boolean>;
  sendRuns(runs: readonly QueuedRun[]): Promise<boolean>;
};

export type OutboxDeps = { readonly db: Db; readonly queues: Queues; readonly clock: Clock; readonly log: Log };

export function createOutbox({ db, queues, clock, log }: OutboxDeps): Outbox {
  const send = async (what: string, count: number, hand: () => Promise<void>): Promise<boolean> => {
    try {
      await hand();
      return true;
    } catch (error) {
      log.warn("outbox.postponed", { what, count, message: messageOf(error) });
      return false;
    }
  };

  return {
    sendEvents: (events) =>
      send("events", events.length, async () => {
        if (events.length === 0) return;
        await queues.events.add(events.map(({ key, generation }) => eventJob(key, generation)));
        await markEventsQueued(
          db,
          events.map(({ key }) => key),
          clock.now(),
        );
      }),
    sendRuns: (runs) =>
      send("runs", runs.length, async () => {
        for (const [queue, jobs] of byQueue(runs)) {
          await queues[queue].add(jobs.map(({ job }) => job));
          await markRunsQueued(
            db,
            jobs.map(({ id }) => id),
            clock.now(),
          );
        }
      }),
  };
}

const JOB_OF = { runs: runJob, shares: shareJob } as const satisfies Record<RunQueue, unknown>;

function byQueue(runs: readonly QueuedRun[]): Map<RunQueue, { id: string; job: NewJob }[]> {
  const groups = new Map<RunQueue, { id: string; job: NewJob }[]>();
  for (const { id, queue, generation } of runs) {
    if (queue === null) continue;
    const group = groups.get(queue) ?? [];
    group.push({ id, job: JOB_OF[queue](id, generation) });
    groups.set(queue, group);
  }
  return groups;
}
