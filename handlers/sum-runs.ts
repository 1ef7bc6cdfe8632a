import type { EndedRuns, OpenRuns } from "../src/ledger/overview-queries.ts";
import type { RunStatus } from "../src/ledger/schema.ts";
import type { Ended, Open } from "./overview-schemas.ts";

const WAITING: ReadonlySet<RunStatus> = new Set(["queued", "fetching"]);
const AT_WORK: ReadonlySet<RunStatus> = new Set(["running", "delivering"]);

/** Runs that have not ended; the oldest is of those that wait for their turn, not of those that wait for a person. */
export function sumOpen(runs: readonly OpenRuns[]): Open {
  const waiting = runs.filter(({ status }) => WAITING.has(status));
  return {
    waiting: countOf(waiting),
    atWork: countOf(runs.filter(({ status }) => AT_WORK.has(status))),
    paused: countOf(runs.filter(({ status }) => status === "paused")),
    held: countOf(runs.filter(({ status }) => status === "held")),
    oldestMs: waiting.length === 0 ? null : Math.min(...waiting.map(({ oldestMs }) => oldestMs)),
  };
}

/** Of the last hour and of the whole span that was asked for. */
export function sumEnded(runs: readonly EndedRuns[]): { readonly lastHour: Ended; readonly lastDay: Ended } {
  return { lastHour: endedOf(runs.filter(({ isRecent }) => isRecent)), lastDay: endedOf(runs) };
}

function endedOf(runs: readonly EndedRuns[]): Ended {
  const delivered = runs.filter(({ status }) => status === "delivered");
  const done = countOf(delivered);
  const failed = countOf(runs.filter(({ status }) => status === "failed"));
  return {
    delivered: done,
    failed,
    dropped: countOf(runs) - done - failed,
    success: done + failed === 0 ? null : done / (done + failed),
    meanMs: done === 0 ? null : Math.round(sumOf(delivered, ({ tookMs }) => tookMs) / done),
  };
}

/**
 * About how long an app takes to work off what waits for it, if nothing is added. What Dify works on already counts
 * half: on average that is what is left of it.
 * @param slots workflow runs it is given at a time
 * @returns milliseconds; 0 when nothing waits, null when no run of the last day tells how long one takes
 */
export function drainMsOf(
  open: readonly OpenRuns[],
  ended: readonly EndedRuns[],
  slots: number | undefined,
): number | null {
  const { waiting } = sumOpen(open);
  if (waiting === 0) return 0;
  const recent = ended.filter(({ isRecent, timed }) => isRecent && timed > 0);
  const told = recent.length > 0 ? recent : ended;
  const timed = sumOf(told, (one) => one.timed);
  if (timed === 0 || slots === undefined || slots === 0) return null;
  const running = countOf(open.filter(({ status }) => status === "running"));
  const meanMs = sumOf(told, ({ workMs }) => workMs) / timed;
  return Math.round(((waiting + running / 2) * meanMs) / slots);
}

/** Apps work beside each other: all is done when the slowest is; null when nobody knows of one. */
export function longestOf(drains: readonly (number | null)[]): number | null {
  return drains.reduce<number | null>(
    (longest, one) => (longest === null || one === null ? null : Math.max(longest, one)),
    0,
  );
}

export const sumOf = <T>(all: readonly T[], of: (one: T) => number): number =>
  all.reduce((sum, one) => sum + of(one), 0);

const countOf = (runs: readonly { readonly count: number }[]): number => sumOf(runs, ({ count }) => count);
