import type { Clock } from "../src/clock.ts";

/** Waits for the end of something, but not for longer than this. @returns whether it came; rejects when it failed in time */
export async function endsWithin(clock: Clock, ending: Promise<unknown>, ms: number): Promise<boolean> {
  const done = new AbortController();
  const late = clock.sleep(ms, done.signal).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([ending.then(() => true), late]);
  } finally {
    done.abort("done"); // with a word: without one it makes an error with a stack
  }
}
