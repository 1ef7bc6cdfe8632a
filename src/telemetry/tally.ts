import { AsyncLocalStorage } from "node:async_hooks";

/** What one attempt at a step took, counted by whoever is called below it. */
export type Tally = {
  upstreamCalls: number;
  /** Bytes of files from Fast.io to Dify. */
  bytesIn: number;
  /** Bytes of files from Dify to Fast.io. */
  bytesOut: number;
  tokens: number;
};

/** A key to the context of a call rather than a place for state: what is kept here ends with the attempt. */
const tallies = new AsyncLocalStorage<Tally>();

export const newTally = (): Tally => ({ upstreamCalls: 0, bytesIn: 0, bytesOut: 0, tokens: 0 });

/** Lets everything that is done in this work count into the tally. */
export const countInto = <T>(tally: Tally, work: () => T): T => tallies.run(tally, work);

/** Counts into the attempt that is under way, if any. */
export function addToTally(more: Readonly<Partial<Tally>>): void {
  const tally = tallies.getStore();
  if (tally === undefined) return;
  tally.upstreamCalls += more.upstreamCalls ?? 0;
  tally.bytesIn += more.bytesIn ?? 0;
  tally.bytesOut += more.bytesOut ?? 0;
  tally.tokens += more.tokens ?? 0;
}
