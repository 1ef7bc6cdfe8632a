import { flushCompileCache } from "node:module";
import { performance } from "node:perf_hooks";
import { memoryUsage } from "node:process";
import { setFlagsFromString } from "node:v8";
import type { Log } from "../telemetry/log.ts";
import { openCollector } from "./collect-garbage.ts";

/** How often it is looked whether the process rests. */
const LOOK_EVERY_MS = 10_000;
/** A look finds rest when the event loop was at work for a smaller part of the time since the last one. */
const AT_REST = 0.1;
/**
 * So many such looks one after the other, a minute. V8 also forgets what it has compiled, and takes some 50,000
 * deliveries until it is as fast again; that is for who rests for long, and not for who draws breath. V8's own
 * reducer of memory would do so eight seconds after a full collection, whoever is at work since: where the program is
 * started, it is told to wait five minutes (`--gc-memory-reducer-start-delay-ms=300000`).
 */
export const RESTFUL_LOOKS = 6;
/** And so many until what was compiled since the start is kept, too, which costs a tenth of a second. */
const CALM_LOOKS = 1;
/** What is to be had is worth it when the process has grown by so much since the last time. */
const WORTH_BYTES = 16 * 1_048_576;
/** A collection stops everything for some 3 ms a MiB in use: a heap larger than this is left to itself. */
const MOST_HEAP_BYTES = 256 * 1_048_576;

/** What it takes to find rest, and to use it. */
export type RestingProcess = {
  /** Part of the time since the last call in which the event loop was at work. */
  readonly workedPart: () => number;
  readonly residentBytes: () => number;
  readonly heapBytes: () => number;
  /** Keeps what was compiled for the next start, as far as it is not kept yet. */
  readonly keepCompiled: () => void;
  /** Collects all garbage, and returns what was freed to the system; takes a tenth of a second or more. */
  readonly collect: () => void;
};

/**
 * Gives back to the system what a process took while it worked, once it rests. V8 by itself keeps the pages of its young
 * generation and the holes of its old one: of a relay that has just started that is 60 MiB, a third of all it holds.
 * @returns one look; to be called again and again
 */
export function createGiver(resting: RestingProcess, log: Log): () => void {
  let restful = 0;
  let keptBytes = 0;
  let isKept = false;
  return () => {
    restful = resting.workedPart() < AT_REST ? restful + 1 : 0;
    if (restful >= CALM_LOOKS && !isKept) {
      resting.keepCompiled();
      isKept = true;
    }
    if (restful < RESTFUL_LOOKS) return;
    const before = resting.residentBytes();
    if (before - keptBytes < WORTH_BYTES || resting.heapBytes() > MOST_HEAP_BYTES) return;
    resting.collect();
    keptBytes = resting.residentBytes();
    log.debug("memory.given_back", { bytes: before - keptBytes, residentBytes: keptBytes });
  };
}

/**
 * Leaves WebAssembly as it was first compiled; for a process without an embedded database, before it makes its first
 * request. There is nothing of it then but undici's parser, which is no slower for it (57 µs a request against 58), and
 * V8 keeps the 10 MiB that it takes to compile that one better.
 */
export function leaveWebAssemblyPlain(): void {
  setFlagsFromString("--no-wasm-dynamic-tiering");
  setFlagsFromString("--no-wasm-tier-up");
}

/**
 * Does so for this process, which it does not keep alive. What a start compiled is kept at once: else that is done at an
 * orderly end only, and whoever is killed again and again would compile it each time. Where it is kept already, that
 * takes no time.
 * @returns stops it
 */
export function startGivingBack(log: Log): () => void {
  flushCompileCache();
  const collect = openCollector();
  let since = performance.eventLoopUtilization();
  const look = createGiver(
    {
      workedPart: () => {
        const now = performance.eventLoopUtilization();
        const { utilization } = performance.eventLoopUtilization(now, since);
        since = now;
        return utilization;
      },
      residentBytes: memoryUsage.rss,
      heapBytes: () => memoryUsage().heapUsed,
      keepCompiled: flushCompileCache,
      collect: () => collect?.("all"),
    },
    log,
  );
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return () => clearInterval(timer);
}
