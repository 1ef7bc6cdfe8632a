import type { PullSource } from "../ledger/schema.ts";

/** A source that did not work is tried again after this time: servers get upgraded, permissions come back. */
export const TRY_AGAIN_AFTER_MS = 3_600_000;

/** Until when each source is passed over; those not named work as far as we know. */
export type SourceMemory = Readonly<Partial<Record<PullSource, number>>>;

/** Whether a source is to be asked now. */
export const isUsable = (memory: SourceMemory, source: PullSource, nowMs: number): boolean =>
  (memory[source] ?? Number.NEGATIVE_INFINITY) <= nowMs;

/** The memory after a source turned out not to exist here, or to be closed to us. */
export const passOver = (memory: SourceMemory, source: PullSource, nowMs: number): SourceMemory => ({
  ...memory,
  [source]: nowMs + TRY_AGAIN_AFTER_MS,
});
