import type { AlertRow } from "../ledger/schema.ts";

/** What was not seen for longer than two looks take is well; a look may come late. */
export const CALM_MS = 60_000;

/** Since when an open alert is not seen any more; undefined while it is. It is over only when that has lasted. */
export const wellSince = ({ lastSeenMs }: Pick<AlertRow, "lastSeenMs">, nowMs: number): number | undefined =>
  nowMs - lastSeenMs > CALM_MS ? lastSeenMs : undefined;
