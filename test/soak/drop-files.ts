import { setTimeout as delay } from "node:timers/promises";
import type { ToldRun } from "./ask-relay.ts";
import type { Emulators } from "./emulators-process.ts";
import { createDropPlan, type Drop } from "./plan-drops.ts";

/** A delivery, and how long it took from the drop. */
export type Delivered = { readonly atMs: number; readonly ms: number };

export type Load = {
  readonly drops: readonly Drop[];
  readonly delivered: readonly Delivered[];
  /** Files that a rule takes and that were not delivered yet. */
  owed(): number;
  /** Takes note of what the ledger tells. */
  hear(told: Iterable<ToldRun>): void;
  /** Drops files at an even pace until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
};

type Waiting = { readonly drop: Drop; readonly atMs: number };

export function createLoad(emulators: Pick<Emulators, "drop">, rate: number, random: () => number): Load {
  const drops: Drop[] = [];
  const delivered: Delivered[] = [];
  /** By the file's name, which is in one folder only; there is one version on its way at a time. */
  const waiting = new Map<string, Waiting>();
  const settled: Pick<Drop, "folder" | "name">[] = [];
  const next = createDropPlan({
    random,
    settled: () => {
      const [file] = settled.splice(Math.floor(random() * settled.length), 1);
      return file;
    },
  });
  const dropOne = async (): Promise<void> => {
    const drop = next();
    const { folder, name, content } = drop;
    drops.push({ ...drop, content: "" }); // its hash is enough
    if (drop.isTaken) waiting.set(name, { drop, atMs: Date.now() });
    await emulators.drop({ folder, name, content });
  };
  return {
    drops,
    delivered,
    owed: () => waiting.size,
    hear: (told) => {
      for (const { file, status, finishedAtMs } of told) {
        const found = waiting.get(file);
        // A run that ended before the drop is that of the version before.
        if (!found || status !== "delivered" || finishedAtMs === null || finishedAtMs < found.atMs) continue;
        waiting.delete(file);
        delivered.push({ atMs: finishedAtMs, ms: finishedAtMs - found.atMs });
        settled.push({ folder: found.drop.folder, name: file });
      }
    },
    run: async (signal) => {
      const beganMs = Date.now();
      const under = new Set<Promise<void>>();
      let failure: unknown;
      for (let count = 0; !signal.aborted && failure === undefined; count += 1) {
        const waitMs = beganMs + (count * 1_000) / rate - Date.now();
        if (waitMs > 0) await delay(waitMs, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) break;
        const dropping = dropOne()
          .catch((error: unknown) => {
            failure = error;
          })
          .finally(() => under.delete(dropping));
        under.add(dropping);
      }
      await Promise.all(under);
      if (failure !== undefined) throw failure;
    },
  };
}
