import { ApiRefusal } from "../protocol/faults.ts";

/** Calls per milliseconds that some routes share among themselves, each caller for itself. */
const BUCKETS = {
  events_search: [
    [5, 3_000],
    [15, 30_000],
    [120, 600_000],
  ],
  upload_batch_create: [[60, 60_000]],
} as const satisfies Record<string, readonly (readonly [calls: number, ms: number])[]>;

export type Bucket = keyof typeof BUCKETS;

/** @returns a check that throws 429 for the call that is one too many */
export function createBuckets(now: () => number): (bucket: Bucket, caller: string) => void {
  const calls = new Map<string, number[]>();
  return (bucket, caller) => {
    const key = `${bucket} ${caller}`;
    const nowMs = now();
    const before = (calls.get(key) ?? []).filter((atMs) => atMs > nowMs - 600_000);
    for (const [max, windowMs] of BUCKETS[bucket]) {
      const within = before.filter((atMs) => atMs > nowMs - windowMs);
      const oldest = within[within.length - max];
      if (oldest === undefined) continue;
      const seconds = Math.max(1, Math.ceil((oldest + windowMs - nowMs) / 1000));
      throw new ApiRefusal(429, 1671, `Too many calls of ${bucket}.`, { retry_after_seconds: seconds });
    }
    calls.set(key, [...before, nowMs]);
  };
}
