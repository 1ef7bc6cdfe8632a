import type { AlertRow } from "../ledger/schema.ts";

/** How often it is looked whether something is wrong. */
export const WATCH_EVERY_MS = 30_000;
/** What was not seen for longer than two looks take is well; a look may come late. */
export const CALM_MS = 2 * WATCH_EVERY_MS;

/** Since when an open alert is not seen any more; undefined while it is. It is over only when that has lasted. */
export const wellSince = ({ lastSeenMs }: Pick<AlertRow, "lastSeenMs">, nowMs: number): number | undefined =>
  nowMs - lastSeenMs > CALM_MS ? lastSeenMs : undefined;
