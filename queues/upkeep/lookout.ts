import { untilBeat } from "../../src/beat.ts";
import type { Clock } from "../../src/clock.ts";
import { ALL_WORK, lookForWork, type WorkSeen } from "../../src/ledger/look-for-work.ts";
import type { Db } from "../../src/ledger/open-ledger.ts";
import { messageOf } from "../../src/message-of.ts";
import type { Log } from "../../src/telemetry/log.ts";

export type WorkKind = keyof WorkSeen;

/** Looks at the ledger for all parts of upkeep, so that at rest none of them has to. */
export type Lookout = {
  /** Whether some was seen when it last looked; when that was long ago, there may be. */
  sees(kind: WorkKind): boolean;
  /** Resolves when there may be something to do, after five minutes in any case, and when the signal ends. */
  until(kind: WorkKind, signal: AbortSignal): Promise<void>;
  stop(): void;
};

const LOOK_EVERY_MS = 1_000;
/** So many times rarer while there is nothing to do: what this process does by itself waits for no look. */
const REST_FACTOR = 2;
/** Nobody knows what a ledger holds that has not answered for so long. */
const LATE_MS = 5_000;
/** Whoever heard of nothing for so long looks for himself. */
const LONGEST_REST_MS = 300_000;

/** @param everyMs how often it looks while there is work */
export function startLookout(
  { db, clock, log }: { readonly db: Db; readonly clock: Clock; readonly log: Log },
  everyMs = LOOK_EVERY_MS,
): Lookout {
  const stopping = new AbortController();
  const waiting = new Map<WorkKind, Set<() => void>>();
  // Until the first look nobody knows.
  let seen = ALL_WORK;
  let lookedAtMs = clock.now();
  const isLate = (): boolean => clock.now() - lookedAtMs > LATE_MS;

  const look = async (): Promise<void> => {
    try {
      seen = await lookForWork(db, clock.now());
    } catch (error) {
      // Each part tells of its own trouble with the ledger, as long as it tries.
      seen = ALL_WORK;
      log.debug("upkeep.not_looked", { message: messageOf(error) });
    }
    lookedAtMs = clock.now();
    for (const [kind, wakers] of waiting) {
      if (seen[kind]) for (const wake of wakers) wake();
    }
  };
  void (async () => {
    while (!stopping.signal.aborted) {
      await look();
      const restMs = Object.values(seen).includes(true) ? everyMs : REST_FACTOR * everyMs;
      await clock.sleep(untilBeat(restMs), stopping.signal).catch(() => undefined);
    }
  })();

  return {
    sees: (kind) => seen[kind] || isLate(),
    until: async (kind, signal) => {
      if (seen[kind] || signal.aborted) return;
      const over = new AbortController();
      const wake = (): void => over.abort("seen"); // with a word: without one it makes an error with a stack
      const wakers = waiting.get(kind) ?? new Set();
      waiting.set(kind, wakers.add(wake));
      await clock
        .sleep(LONGEST_REST_MS, AbortSignal.any([signal, over.signal, stopping.signal]))
        .catch(() => undefined);
      wakers.delete(wake);
    },
    stop: () => stopping.abort(new Error("the relay stops")),
  };
}
