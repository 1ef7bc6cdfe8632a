import type { PGlite } from "@electric-sql/pglite";

/** Statements that follow one another hold the event loop for so long, and then for as long as the last of them takes. */
const LONGEST_MS = 20;

/**
 * Lets the event loop go on between the statements of an embedded database. Each is computed on the thread of the
 * relay, and what comes after it is a microtask: whoever asks the next one as soon as the last is answered would have
 * the loop to himself, until all is done. Forgetting a long backlog kept everybody waiting for five seconds that way,
 * and no delivery was answered meanwhile.
 */
export function shareLoop(pglite: PGlite): void {
  const runAlone = pglite._runExclusiveQuery.bind(pglite);
  let turnBeganMs: number | undefined;
  pglite._runExclusiveQuery = async (work) => {
    if (turnBeganMs !== undefined && performance.now() - turnBeganMs > LONGEST_MS)
      await new Promise((resolve) => setImmediate(resolve));
    if (turnBeganMs === undefined) {
      turnBeganMs = performance.now();
      setImmediate(() => {
        turnBeganMs = undefined;
      });
    }
    return runAlone(work);
  };
}
