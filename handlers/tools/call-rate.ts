const MINUTE_MS = 60_000;

/** @returns 0 when the caller may go on, else milliseconds until it may; a refused call does not count */
export type TakeCall = (caller: string, perMinute: number, nowMs: number) => number;

/** At most so many calls of one caller in any minute, in this process. */
export function createCallRate(): TakeCall {
  const pastOf = new Map<string, number[]>();
  return (caller, perMinute, nowMs) => {
    const past = (pastOf.get(caller) ?? []).filter((atMs) => atMs > nowMs - MINUTE_MS);
    pastOf.set(caller, past);
    const oldest = past.at(-perMinute);
    if (oldest !== undefined) return oldest + MINUTE_MS - nowMs;
    past.push(nowMs);
    return 0;
  };
}
