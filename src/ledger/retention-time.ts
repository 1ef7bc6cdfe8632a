import { readCursor, writeCursor } from "./cursors.ts";
import type { Db } from "./open-ledger.ts";
import { forgetEveryMs } from "./retention.ts";

const CURSOR = "retention time";
/** So many periods the time may go on from one to the next, which makes up for those in which the relay was away. */
const MOST_PERIODS = 24;

/**
 * The time that forgetting goes by: the clock's, but in each period it goes on by a day at most. What was forgotten too
 * early is gone; a clock that is years ahead for an hour costs a day of what is remembered.
 * @returns milliseconds since the Unix epoch, never later than now
 */
export async function retentionTime(db: Db, nowMs: number, retentionMs: number): Promise<number> {
  const periodMs = forgetEveryMs(retentionMs);
  const last = await readCursor(db, CURSOR);
  const reachedMs = Number(last?.value ?? nowMs);
  // Of either sign: it may have been written down by a clock that was ahead.
  const isNextPeriod = last === undefined || Math.abs(nowMs - last.updatedAtMs) >= periodMs / 2;
  const mostMs = isNextPeriod ? reachedMs + MOST_PERIODS * periodMs : reachedMs;
  const timeMs = Math.min(nowMs, mostMs);
  if (isNextPeriod) await writeCursor(db, CURSOR, String(Math.max(timeMs, reachedMs)), nowMs);
  return timeMs;
}
