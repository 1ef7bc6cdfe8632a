import type { Clock } from "../../../clock.ts";
import { formatTime, parseTime } from "../protocol/times.ts";

type Beat = { readonly seq: number; readonly atMs: number; readonly key: string };
const KEPT = 2_000;

/** Hints of what changed in a profile, for long polls; says what to read again, never what is in it. */
export type Activity = {
  /** Notes a key such as `storage:{node}` for each of these profiles. */
  bump(profileIds: readonly string[], key: string): void;
  /**
   * Waits for something newer than `since`.
   * @param since an earlier `lastactivity`, a plain time, or undefined for "from now on"
   * @param waitMs real milliseconds; 0 answers at once
   */
  poll(
    profileId: string,
    since: string | undefined,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly keys: readonly string[]; readonly lastactivity: string }>;
  /** Ends every wait, as at shutdown. */
  wakeAll(): void;
};

export function createActivity(clock: Clock): Activity {
  const beats = new Map<string, Beat[]>();
  const waiting = new Map<string, Set<() => void>>();
  let seq = 0;

  const startOf = (profileId: string, since: string | undefined): number => {
    if (since === undefined) return seq;
    const stamped = /;(\d+)$/.exec(since);
    if (stamped) return Number(stamped[1]);
    const ms = parseTime(since);
    if (ms === undefined) return seq;
    // A plain time counts whole seconds: what happened within that second is told again.
    return (beats.get(profileId)?.find((beat) => beat.atMs >= ms)?.seq ?? seq + 1) - 1;
  };

  const waitForBeat = (profileId: string, waitMs: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const waiters = waiting.get(profileId) ?? new Set();
      waiting.set(profileId, waiters);
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      waiters.add(done);
      signal.addEventListener("abort", done, { once: true });
      if (signal.aborted) done();
    });

  return {
    bump: (profileIds, key) => {
      seq += 1;
      for (const profileId of new Set(profileIds)) {
        const rows = beats.get(profileId) ?? [];
        beats.set(profileId, rows);
        rows.push({ seq, atMs: clock.now(), key });
        // Many at a time: each cut moves all that stay.
        if (rows.length > 2 * KEPT) rows.splice(0, rows.length - KEPT);
        for (const wake of [...(waiting.get(profileId) ?? [])]) wake();
      }
    },
    poll: async (profileId, since, waitMs, signal) => {
      const start = startOf(profileId, since);
      const newer = (): Beat[] => (beats.get(profileId)?.slice(-KEPT) ?? []).filter((beat) => beat.seq > start);
      if (newer().length === 0 && waitMs > 0) await waitForBeat(profileId, waitMs, signal);
      const found = newer();
      const last = found.at(-1);
      return {
        keys: [...new Set(found.map((beat) => beat.key))],
        lastactivity: last ? `${formatTime(last.atMs)};${last.seq}` : (since ?? `${formatTime(clock.now())};${start}`),
      };
    },
    wakeAll: () => {
      for (const waiters of waiting.values()) for (const wake of [...waiters]) wake();
    },
  };
}
