import { z } from "zod";

/** Rows become visible late, and rows of one second come in any order: what was read shortly before is read again. */
export const OVERLAP_MS = 300_000;
/** How far Fast.io's clock and ours may be apart at the beginning; later only Fast.io's own times count. */
const LARGEST_SKEW_MS = 86_400_000;

const PositionSchema = z.strictObject({
  /** The latest time of a row that was read, by Fast.io's clock and never beyond ours. */
  readMs: z.number(),
  /** Nothing before it is ever read: it was there before the relay was. */
  floorMs: z.number(),
  /** Ids of rows at the floor that were there before the relay was. */
  ignored: z.array(z.string()),
});

/** How far events of a workspace were searched. */
export type SearchPosition = z.infer<typeof PositionSchema>;

/** A row as positions see it. */
export type TimedRow = { readonly id: string; readonly atMs: number };

/** As the cursor keeps it; `parsePosition` reads it. */
export const printPosition = (position: SearchPosition): string => JSON.stringify(position);

/** @returns undefined for what is no position: then it begins anew */
export function parsePosition(text: string): SearchPosition | undefined {
  try {
    return PositionSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** The earliest rows worth looking at before a beginning. */
export const probeSince = (nowMs: number, lookBackMs: number): number => nowMs - lookBackMs - LARGEST_SKEW_MS;

/**
 * Where to begin in a workspace that was never read: `lookBackMs` ago, but not after the newest row, since our clock
 * may be ahead of Fast.io's. History before that is left alone.
 * @param recent rows since `probeSince`
 */
export function beginPosition(recent: readonly TimedRow[], nowMs: number, lookBackMs: number): SearchPosition {
  if (recent.length === 0) {
    const floorMs = probeSince(nowMs, lookBackMs);
    return { readMs: floorMs, floorMs, ignored: [] };
  }
  const newestMs = Math.max(...recent.map(({ atMs }) => atMs));
  const fromMs = Math.max(nowMs, newestMs) - lookBackMs;
  if (fromMs <= newestMs) return { readMs: fromMs, floorMs: fromMs, ignored: [] };
  const ignored = recent.filter(({ atMs }) => second(atMs) === second(newestMs)).map(({ id }) => id);
  return { readMs: newestMs, floorMs: newestMs, ignored };
}

/** The earliest time to ask for. */
export const searchSince = ({ readMs, floorMs }: SearchPosition): number => Math.max(floorMs, readMs - OVERLAP_MS);

/** Whether a row is history from before the relay. Fast.io tells whole seconds. */
export const isHistory = ({ floorMs, ignored }: SearchPosition, row: TimedRow): boolean =>
  second(row.atMs) < second(floorMs) || ignored.includes(row.id);

/** The position after some rows. A row from the future moves it no further than now, or what comes until then is missed. */
export function advancePosition(position: SearchPosition, rows: readonly TimedRow[], nowMs: number): SearchPosition {
  const newestMs = rows.reduce((latest, { atMs }) => Math.max(latest, atMs), position.readMs);
  return { ...position, readMs: Math.max(position.readMs, Math.min(newestMs, nowMs)) };
}

const second = (ms: number): number => Math.floor(ms / 1_000);
