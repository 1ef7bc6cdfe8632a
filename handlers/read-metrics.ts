import type { Clock } from "../src/clock.ts";
import { messageOf } from "../src/message-of.ts";
import type { Reading } from "../src/telemetry/gauges.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { Prometheus } from "../src/telemetry/prometheus.ts";

/** Figures that are read together, from one place. */
export type FigurePart = {
  /** Names it in `relay_scrape_errors_total`. */
  readonly name: string;
  readonly read: () => Promise<readonly Reading[]>;
  /** How long a reading is good for, in milliseconds. */
  readonly freshMs: number;
};

export type ReadMetricsDeps = {
  readonly prometheus: Pick<Prometheus, "print" | "scrapeFailed" | "contentType">;
  readonly parts: readonly FigurePart[];
  readonly clock: Clock;
  readonly log: Log;
  /** Longest anybody waits for a part, in milliseconds. */
  readonly limitMs?: number;
};

export type ReadMetrics = () => Promise<{ readonly text: string; readonly contentType: string }>;

/** Prometheus itself gives up after 10 s unless told otherwise. */
const LIMIT_MS = 2_000;

/**
 * The metrics of this process, and figures of the ledger and the queue as they were a few seconds ago at most. A part
 * that cannot be read in time is left out and counted; however many ask, it is asked for once at a time.
 */
export function createReadMetrics({ prometheus, parts, clock, log, limitMs = LIMIT_MS }: ReadMetricsDeps): ReadMetrics {
  const readers = parts.map((part) => createPartReader(part, { clock, limitMs }));
  return async () => {
    const told = await Promise.all(
      readers.map(async ({ name, read }) => {
        try {
          return await read();
        } catch (error) {
          prometheus.scrapeFailed(name);
          log.warn("metrics.part_left_out", { part: name, message: messageOf(error) });
          return [];
        }
      }),
    );
    return { text: await prometheus.print(told.flat()), contentType: prometheus.contentType };
  };
}

function createPartReader(
  { name, read, freshMs }: FigurePart,
  { clock, limitMs }: { readonly clock: Clock; readonly limitMs: number },
): { readonly name: string; readonly read: () => Promise<readonly Reading[]> } {
  let last: { readonly atMs: number; readonly readings: readonly Reading[] } | undefined;
  let reading: Promise<readonly Reading[]> | undefined;
  const start = async (): Promise<readonly Reading[]> => {
    try {
      const readings = await read();
      last = { atMs: clock.now(), readings };
      return readings;
    } finally {
      reading = undefined;
    }
  };
  return {
    name,
    read: async () => {
      if (last && clock.now() - last.atMs < freshMs) return last.readings;
      reading ??= start();
      return inTime(reading, limitMs, clock);
    },
  };
}

/** Gives up waiting, not the reading: who asks next may get it. */
async function inTime<T>(work: Promise<T>, ms: number, clock: Clock): Promise<T> {
  const done = new AbortController();
  const late = clock.sleep(ms, done.signal).then(
    () => {
      throw new Error(`no answer within ${ms} ms`);
    },
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
}
