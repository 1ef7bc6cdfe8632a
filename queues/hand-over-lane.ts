import type { Clock } from "../src/clock.ts";

export type LaneDeps<T> = {
  /** Hands all of these over. @returns whether it could; must not reject */
  readonly hand: (items: readonly T[]) => Promise<boolean>;
  readonly clock: Clock;
};

export type Lane<T> = {
  /** Does not wait. */
  take(items: readonly T[]): void;
  /** Whether what is taken now is handed over at once, as far as can be told. */
  isFlowing(): boolean;
};

/** Items in one hand-over. */
const MOST_AT_ONCE = 500;
/** With more than this waiting it is not at once any more. */
const FLOWING = 2_000;
/** Items that may wait; further ones are left to the sweep, so that memory stays bounded. */
const MOST_WAITING = 20_000;
/** After a hand-over that failed the queue is left in peace for a moment. */
const REST_MS = 250;

/**
 * Hands over what comes, one bulk at a time: what comes meanwhile goes together with the next. What could not be handed
 * over is forgotten here, since the ledger remembers it and the sweep looks there.
 *
 * It begins a turn of the event loop later: whoever brought something has his answer first. A queue in an embedded
 * database takes it in our own thread, and senders prepare what comes next meanwhile.
 */
export function createLane<T>({ hand, clock }: LaneDeps<T>): Lane<T> {
  const waiting: T[] = [];
  const { signal } = new AbortController();
  let busy = false;
  let isWell = true;
  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      isWell = await hand(waiting.splice(0, MOST_AT_ONCE));
      if (!isWell) await clock.sleep(REST_MS, signal);
    }
    busy = false;
  };
  return {
    take: (items) => {
      for (const item of items.slice(0, MOST_WAITING - waiting.length)) waiting.push(item);
      if (busy) return;
      busy = true;
      setImmediate(() => void drain());
    },
    isFlowing: () => isWell && waiting.length < FLOWING,
  };
}
