import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * `all`: the last resort, which is what V8 does before it gives up for want of memory: it compacts all of the heap, and
 * shrinks the young part. `young`: what was made lately, and is not used any more.
 */
export type Garbage = "all" | "young";

const WISHES = {
  all: { type: "major", execution: "sync", flavor: "last-resort" },
  young: { type: "minor", execution: "sync" },
} as const satisfies Readonly<Record<Garbage, object>>;

/**
 * Has V8 collect garbage, while the caller waits. It has a function for whoever was started with --expose-gc; asked for
 * later, only new contexts have it.
 * @returns undefined where there is none
 */
export function openCollector(): ((garbage: Garbage) => void) | undefined {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("typeof gc === 'function' ? gc : undefined");
  setFlagsFromString("--no-expose-gc");
  if (typeof gc !== "function") return undefined;
  return (garbage) => void gc(WISHES[garbage]);
}
