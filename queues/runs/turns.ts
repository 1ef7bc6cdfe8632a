/** Takes turns among the workspaces of those that wait. */
export type Turns<T> = {
  /** Whose turn it is: of the workspace that was served longest ago, who waits longest. */
  next(waiting: readonly T[]): T | undefined;
  served(one: T): void;
};

/** Workspaces remembered; one that was served before all of these counts as never served. */
const MOST_REMEMBERED = 1_000;

/** @param runOf what is known of the run of one that waits */
export function createTurns<T>(
  runOf: (one: T) => { readonly workspaceId: string; readonly createdAtMs: number },
): Turns<T> {
  // In the order in which they were served last.
  const lastServed = new Map<string, number>();
  let count = 0;
  const turnOf = (one: T): number => lastServed.get(runOf(one).workspaceId) ?? 0;
  const isBefore = (a: T, b: T): boolean =>
    turnOf(a) < turnOf(b) || (turnOf(a) === turnOf(b) && runOf(a).createdAtMs < runOf(b).createdAtMs);
  return {
    next: (waiting) => {
      let [first] = waiting;
      for (const one of waiting) if (first && isBefore(one, first)) first = one;
      return first;
    },
    served: (one) => {
      const { workspaceId } = runOf(one);
      count += 1;
      lastServed.delete(workspaceId);
      lastServed.set(workspaceId, count);
      const [oldest] = lastServed.keys();
      if (oldest !== undefined && lastServed.size > MOST_REMEMBERED) lastServed.delete(oldest);
    },
  };
}
