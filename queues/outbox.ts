import type { Clock } from "../src/clock.ts";
import { doTogether } from "../src/ledger/do-together.ts";
import { markEventsQueued } from "../src/ledger/event-queries.ts";
import { markRunsQueued, type QueuedRun } from "../src/ledger/hand-overs.ts";
import type { Db } from "../src/ledger/open-ledger.ts";
import type { RunQueue } from "../src/ledger/schema.ts";
import { type Listened, settleUnlistened } from "../src/ledger/settle-unlistened.ts";
import { readTraceparents } from "../src/ledger/traceparents.ts";
import { parkRuns, placesOf } from "../src/ledger/turns.ts";
import type { Log } from "../src/telemetry/log.ts";
import { type Metrics, silentMetrics } from "../src/telemetry/metrics.ts";
import { silentTrace, type Trace } from "../src/telemetry/trace.ts";
import type { JobQueue, NewJob } from "./backend.ts";
import { eventJob } from "./events/job.ts";
import { createPlaces } from "./places.ts";
import { createPostponement } from "./postponement.ts";
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
  sendEvents(events: readonly SentEvent[]): Promise<boolean>;
  /** Of runs that are to be begun, those that are many of one workspace wait in the ledger until they are called. */
  sendRuns(runs: readonly QueuedRun[]): Promise<boolean>;
  /** Hands over runs whose turn it is. */
  sendCalled(runs: readonly QueuedRun[]): Promise<boolean>;
};

export type SentEvent = {
  readonly key: string;
  readonly generation: number;
  readonly type: string;
  /** null: it tells of none. */
  readonly workspaceId: string | null;
  /** null: it names nobody. */
  readonly actorUserId: string | null;
  /** Whether the ledger says already that the queue has it; when it cannot be handed over, the ledger is told so. */
  readonly isMarked?: boolean;
};

/** Jobs of one workspace that a queue takes in the order in which they come; what is more lets those of others pass. */
const SHARE = 8;
/** BullMQ takes about two millions. */
const LAST_PRIORITY = 1_000_000;

export type OutboxDeps = {
  readonly db: Db;
  readonly queues: Queues;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the queue has no room: then work stays in the ledger, and the sweep hands it over later. */
  readonly holdsBack?: () => boolean;
  /** Default: nobody listens. */
  readonly trace?: Trace;
  /** What rules listen to now; what none wants to hear of gets no job. Default: all may be wanted. */
  readonly listened?: () => Listened;
  readonly metrics?: Pick<Metrics, "dropped">;
};

export function createOutbox({
  db,
  queues,
  clock,
  log,
  holdsBack = () => false,
  trace = silentTrace,
  listened,
  metrics = silentMetrics,
}: OutboxDeps): Outbox {
  /** What a job carries of its trace, by the id of what it is about. */
  const tracesOf = async (what: "events" | "runs", ids: readonly string[]) => {
    const found = trace.jobs ? await readTraceparents(db, what, ids, clock.now()) : undefined;
    return (id: string): Pick<NewJob, "traceparent"> => {
      const traceparent = found?.get(id);
      return traceparent === undefined ? {} : { traceparent };
    };
  };
  const postponed = { events: createPostponement("events", log), runs: createPostponement("runs", log) };
  const send = async (
    what: "events" | "runs",
    count: number,
    /** @returns whether the queue was given anything */
    hand: () => Promise<boolean>,
    takeBack = async (): Promise<void> => undefined,
  ): Promise<boolean> => {
    try {
      if (!holdsBack()) {
        if (await hand()) postponed[what].end();
        return true;
      }
    } catch (error) {
      postponed[what].begin(count, error);
    }
    // With the ledger away, too, the sweep finds out later that the queue does not know them.
    await takeBack().catch(() => undefined);
    return false;
  };

  /** @returns those that have to be routed */
  const passOver = async (coming: readonly SentEvent[]): Promise<readonly SentEvent[]> => {
    const heard = listened?.();
    if (heard === undefined) return coming;
    const strange = coming.filter((event) => isStrange(event, heard));
    if (strange.length === 0) return coming;
    const ended = await settleUnlistened(db, keysOf(strange), heard, clock.now());
    for (const drop of ended.values()) metrics.dropped("*", drop);
    return coming.filter(({ key }) => !ended.has(key));
  };
  const placesOfEvents = createPlaces({ count: (keys) => placesOf(db, "events", keys), clock });
  const placesOfKnown = createPlaces({ count: (ids) => placesOf(db, "shares", ids), clock });
  const placesOfShares = async (runs: readonly QueuedRun[]): Promise<ReadonlyMap<string, number>> => {
    const shares = runs.filter(({ queue }) => queue === "shares");
    const strange = shares.flatMap(({ id, workspaceId }) => (workspaceId === undefined ? [id] : []));
    const known = shares.flatMap(({ id: key, workspaceId }) => (workspaceId === undefined ? [] : { key, workspaceId }));
    return new Map([...(await placesOf(db, "shares", strange)), ...(await placesOfKnown(known))]);
  };

  const handOver = async (runs: readonly QueuedRun[]): Promise<boolean> => {
    const places = await placesOfShares(runs);
    for (const queue of ["runs", "shares"] as const) {
      const mine = runs.filter((run) => run.queue === queue);
      if (mine.length === 0) continue;
      const traceOf = await tracesOf("runs", idsOf(mine, queue));
      await queues[queue].add(
        mine.map(({ id, generation }) => ({
          ...JOB_OF[queue](id, generation),
          ...priorityAt(places.get(id)),
          ...traceOf(id),
        })),
      );
      const unmarked = mine.filter(({ isMarked }) => !isMarked);
      await markRunsQueued(db, idsOf(unmarked, queue), clock.now());
    }
    return runs.length > 0;
  };

  const takeBack = (runs: readonly QueuedRun[]): Promise<void> =>
    markRunsQueued(
      db,
      runs.flatMap(({ id, isMarked }) => (isMarked ? id : [])),
      null,
    );

  return {
    sendEvents: (coming) =>
      send(
        "events",
        coming.length,
        async () => {
          const events = await passOver(coming);
          if (events.length === 0) return false;
          const places = await placesOfEvents(events);
          const traceOf = await tracesOf("events", keysOf(events));
          await queues.events.add(
            events.map(({ key, generation }) => ({
              ...eventJob(key, generation),
              ...priorityAt(places.get(key)),
              ...traceOf(key),
            })),
          );
          await markEventsQueued(db, keysOf(events.filter(({ isMarked }) => !isMarked)), clock.now());
          return true;
        },
        () => markEventsQueued(db, keysOf(coming.filter(({ isMarked }) => isMarked)), null),
      ),
    sendRuns: doTogether(async (all: readonly (readonly QueuedRun[])[]) => {
      const runs = all.flat();
      let going = runs;
      const isSent = await send(
        "runs",
        runs.length,
        async () => {
          const parked = await parkRuns(db, idsOf(runs, "runs"), SHARE, clock.now());
          going = runs.flatMap((run) =>
            parked.has(run.id) ? [] : run.queue === "runs" ? { ...run, isMarked: true } : run,
          );
          return handOver(going);
        },
        () => takeBack(going),
      );
      return all.map(() => isSent);
    }),
    // Marked as they were called.
    sendCalled: (called) => {
      const runs = called.map((run) => ({ ...run, isMarked: true }));
      return send("runs", runs.length, () => handOver(runs));
    },
  };
}

/** Whether no rule may want to hear of it. */
const isStrange = ({ type, actorUserId }: SentEvent, { types, notOwn, selfUserId }: Listened): boolean =>
  !types.includes(type) || (actorUserId !== null && actorUserId === selfUserId && notOwn.includes(type));

const JOB_OF = { runs: runJob, shares: shareJob } as const satisfies Record<RunQueue, unknown>;

const keysOf = (events: readonly SentEvent[]): string[] => events.map(({ key }) => key);

const idsOf = (runs: readonly QueuedRun[], queue: RunQueue): string[] =>
  runs.filter((run) => run.queue === queue).map(({ id }) => id);

/**
 * The further back among those of its workspace, the more jobs of others go before it: in that way workspaces take turns.
 * @param place jobs of its workspace that wait before it
 */
const priorityAt = (place = 0): Pick<NewJob, "priority"> =>
  place < SHARE ? {} : { priority: Math.min(place - SHARE + 1, LAST_PRIORITY) };
