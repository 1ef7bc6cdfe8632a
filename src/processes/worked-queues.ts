import type { ProcessRow } from "../ledger/schema.ts";
import { QUEUE_NAMES, type QueueName } from "../queue-names.ts";

/** How often a process says that it lives. */
export const BEAT_MS = 10_000;
/** One that was silent for so long is gone, or cannot reach the ledger. */
const SILENT_MS = 3 * BEAT_MS;

type Seen = Pick<ProcessRow, "queues" | "startedAtMs" | "seenAtMs" | "endedAtMs">;

/** Whether a process has neither ended nor been silent for three beats. */
export const isLive = ({ seenAtMs, endedAtMs }: Seen, nowMs: number): boolean =>
  endedAtMs === null && nowMs - seenAtMs < SILENT_MS;

export type WorkedQueue = {
  readonly name: QueueName;
  /** Processes that work on it. */
  readonly workers: number;
  /** Since when there are none, in milliseconds since the epoch; null: there are some, or no process of the relay lives. */
  readonly unworkedSinceMs: number | null;
};

/** Which queues somebody works on. */
export function workedQueues(processes: readonly Seen[], nowMs: number): readonly WorkedQueue[] {
  const live = processes.filter((process) => isLive(process, nowMs));
  return QUEUE_NAMES.map((name) => {
    const isMine = ({ queues }: Seen): boolean => queues.includes(name);
    const workers = live.filter(isMine).length;
    if (workers > 0 || live.length === 0) return { name, workers, unworkedSinceMs: null };
    const lastSeen = processes.filter(isMine).map(({ seenAtMs }) => seenAtMs);
    // Where nobody ever did, as far as is remembered, since those that live have been there.
    const since = lastSeen.length > 0 ? Math.max(...lastSeen) : Math.min(...live.map(({ startedAtMs }) => startedAtMs));
    return { name, workers, unworkedSinceMs: since };
  });
}
