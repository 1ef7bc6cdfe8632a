import type { Clock } from "../../clock.ts";

/** At most `calls` within any `perMs` milliseconds. */
export type CallLimit = { readonly calls: number; readonly perMs: number };

/**
 * Makes callers wait so that several sliding limits hold at once. First come, first served.
 * @returns resolves when the caller may go; rejects with the signal's reason when aborted first
 */
export function createCallBudget(limits: readonly CallLimit[], clock: Clock): (signal: AbortSignal) => Promise<void> {
  const kept = Math.max(1, ...limits.map((limit) => limit.calls));
  const past: number[] = [];
  let queue: Promise<unknown> = Promise.resolve();

  const waitMs = (now: number): number =>
    Math.max(
      0,
      ...limits.map(({ calls, perMs }) => {
        const oldest = past.at(-calls);
        return oldest === undefined ? 0 : oldest + perMs - now;
      }),
    );

  const enter = async (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    const wait = waitMs(clock.now());
    if (wait > 0) await clock.sleep(wait, signal);
    past.push(clock.now());
    if (past.length > kept) past.splice(0, past.length - kept);
  };

  return (signal) => {
    const turn = queue.then(() => enter(signal));
    queue = turn.catch(() => {});
    return turn;
  };
}
