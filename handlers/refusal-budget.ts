/** Refused deliveries stored per minute; beyond it they are only counted, so that strangers cannot fill the disk. */
const STORED_PER_MINUTE = 60;
const MINUTE_MS = 60_000;

/** @returns whether one more refusal may be stored at this time */
export function createRefusalBudget(perMinute: number = STORED_PER_MINUTE): (nowMs: number) => boolean {
  let minute = Number.NEGATIVE_INFINITY;
  let stored = 0;
  return (nowMs) => {
    const current = Math.floor(nowMs / MINUTE_MS);
    if (current !== minute) {
      minute = current;
      stored = 0;
    }
    stored += 1;
    return stored <= perMinute;
  };
}
