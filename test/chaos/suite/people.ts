import { setTimeout as delay } from "node:timers/promises";
import { createRandom } from "../../../src/emulators/kit/random.ts";
import { FOLDERS } from "./stage.ts";
import type { Upstreams } from "./upstreams.ts";

export type PeopleWish = {
  readonly seed: string;
  readonly files: number;
  readonly forMs: number;
};

/** Of a hundred drops, so many are a new version of a file that was dropped before. */
const NEW_VERSIONS = 5;
/** And so many are large enough to be cut in the middle. */
const LARGE = 2;
const LARGE_BYTES = 200_000;
/** Drops under way at once; a machine that cannot keep up drops later. */
const MOST_AT_ONCE = 32;

/** What happens to webhooks all the time, beside what is struck: some come twice, late, or out of order. */
const USUAL_FAULTS = [
  { match: { probability: 0.1 }, action: { kind: "webhook_duplicate", copies: 1 } },
  { match: { probability: 0.1 }, action: { kind: "webhook_duplicate", copies: 2, newIds: true } },
  { match: { probability: 0.05 }, action: { kind: "webhook_delay", ms: 3_000 } },
  { match: { probability: 0.05 }, action: { kind: "webhook_reorder", ms: 1_000 } },
] as const;

/**
 * Drops files at a steady rate until all are dropped. The same wish drops the same files.
 * @returns how many were dropped, new versions included
 */
export async function dropFiles(upstreams: Upstreams, { seed, files, forMs }: PeopleWish): Promise<number> {
  for (const fault of USUAL_FAULTS) await upstreams.addFault("fastio", { ...fault, times: 0 });
  const random = createRandom(`people ${seed}`);
  const names: string[] = [];
  const underWay = new Set<Promise<void>>();
  const beganMs = performance.now();
  for (let index = 0; index < files; index += 1) {
    const waitMs = (forMs * index) / files - (performance.now() - beganMs);
    if (waitMs > 0) await delay(waitMs);
    if (underWay.size >= MOST_AT_ONCE) await Promise.race(underWay);
    const again = names[Math.floor(random.next() * names.length)];
    const isAgain = random.next() * 100 < NEW_VERSIONS && again !== undefined;
    const place = isAgain ? again : `${FOLDERS[index % FOLDERS.length]}/note-${index}.txt`;
    const bytes = random.next() * 100 < LARGE ? LARGE_BYTES : 0;
    if (!isAgain) names.push(place);
    const at = place.lastIndexOf("/");
    const content = `note ${index}\n`.padEnd(bytes, "all work and no play\n");
    const drop = upstreams.dropFile({ folder: place.slice(0, at), name: place.slice(at + 1), content });
    const settled: Promise<void> = drop.finally(() => underWay.delete(settled));
    underWay.add(settled);
  }
  await Promise.all(underWay);
  return files;
}
