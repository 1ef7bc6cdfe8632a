import type { Clock } from "../../src/clock.ts";

/** Whether it is settled in time, well or badly. */
export async function comesWithin(coming: Promise<unknown>, ms: number, clock: Clock): Promise<boolean> {
  const unneeded = new AbortController();
  const settled = coming.then(
    () => true,
    () => true,
  );
  const tooLate = clock.sleep(ms, unneeded.signal).then(
    () => false,
    () => true,
  );
  try {
    return await Promise.race([settled, tooLate]);
  } finally {
    unneeded.abort("unneeded"); // with a word: without one it makes an error with a stack
  }
}
