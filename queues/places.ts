import type { Clock } from "../src/clock.ts";

export type PlacesDeps = {
  /** How many of its workspace come before each, by the ledger; those it does not know are left out. */
  readonly count: (keys: readonly string[]) => Promise<ReadonlyMap<string, number>>;
  readonly clock: Pick<Clock, "now">;
};

type Placed = { readonly key: string; readonly workspaceId: string | null };
type Counted = { readonly untilMs: number; next: number };

/** What is handed over meanwhile is counted here: to count a long backlog in the ledger takes longer than to commit a batch. */
const COUNT_AGAIN_MS = 1_000;
/** And counting again takes no more than a fiftieth of the time, however the workspaces come. */
const REST_PER_WORK = 50;
/** But one count that was held up, as by an outage, does not put off all others for as long. */
const MOST_REST_MS = 10_000;
/** Workspaces that are remembered; beyond that all are counted anew. */
const MOST_WORKSPACES = 10_000;

/**
 * About how many events, or runs, of its workspace come before each that is handed over. The ledger is asked of a
 * workspace once a second at most; until then the next one comes behind the last.
 */
export function createPlaces({ count, clock }: PlacesDeps) {
  const known = new Map<string, Counted>();
  let restsUntilMs = 0;
  return async (coming: readonly Placed[]): Promise<ReadonlyMap<string, number>> => {
    const nowMs = clock.now();
    const places = new Map<string, number>();
    const uncounted: Placed[] = [];
    for (const one of coming) {
      if (one.workspaceId === null) continue;
      const workspace = known.get(one.workspaceId);
      if (workspace === undefined || nowMs >= Math.max(workspace.untilMs, restsUntilMs)) uncounted.push(one);
      else places.set(one.key, workspace.next++);
    }
    if (uncounted.length === 0) return places;
    const counted = await count(uncounted.map(({ key }) => key));
    if (known.size > MOST_WORKSPACES) known.clear();
    const tookMs = clock.now() - nowMs;
    const untilMs = nowMs + tookMs + COUNT_AGAIN_MS;
    restsUntilMs = Math.max(restsUntilMs, nowMs + tookMs + Math.min(MOST_REST_MS, REST_PER_WORK * tookMs));
    const fresh = new Map<string, Counted>();
    for (const { key, workspaceId } of uncounted) {
      const place = counted.get(key);
      if (place === undefined || workspaceId === null) continue;
      places.set(key, place);
      fresh.set(workspaceId, { untilMs, next: Math.max(place + 1, fresh.get(workspaceId)?.next ?? 0) });
    }
    for (const [workspaceId, workspace] of fresh) known.set(workspaceId, workspace);
    return places;
  };
}
