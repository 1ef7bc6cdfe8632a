import { setTimeout as delay } from "node:timers/promises";
import type { BackendName, TestBackend } from "../support/backends.ts";
import { openPipeline } from "../support/pipeline.ts";
import { cpuMs, residentBytes } from "../support/process-figures.ts";
import type { Part, Row } from "./frame/part.ts";

const MIB = 1_048_576;
const FILES = 5;
const REST_MS = 75_000;
const PATIENCE_MS = 60_000;
const MOST_MIB: Readonly<Record<BackendName, number>> = { "redis + postgres": 120, postgres: 120, pglite: 250 };
const MOST_CPU_PERCENT = 0.5;

export const idle: Part = {
  name: "idle",
  description: `A relay, receiver and workers in one process, that has delivered ${FILES} files, rested for ${REST_MS / 1_000} s, and has nothing to do: what it holds and what it computes, with everything switched on that is by default.`,
  minutes: 6,
  run: async (context) => {
    const watchedMs = 1_000 * context.seconds({ normal: 40, quick: 5 });
    const rows: Row[] = [];
    for (const name of context.stores) {
      context.say(name);
      const backend = await context.openStore(name);
      try {
        const { mib, percent } = await rest(backend, watchedMs);
        const wanted = name === "pglite" ? {} : { wanted: { atMost: MOST_CPU_PERCENT } };
        rows.push(
          { what: `${name}: resident`, value: mib, unit: "MiB", wanted: { atMost: MOST_MIB[name] } },
          { what: `${name}: of one core`, value: percent, unit: "%", ...wanted },
        );
      } finally {
        await backend.drop();
      }
    }
    return rows;
  },
};

async function rest({ environment }: TestBackend, watchedMs: number) {
  const pipeline = await openPipeline(environment);
  const { upstreams } = pipeline;
  try {
    const { pid } = await pipeline.start();
    await upstreams.ask({ do: "prepare", files: FILES });
    await upstreams.ask({ do: "send", files: FILES, perSecond: FILES });
    await upstreams.ask({ do: "until", shares: FILES, patienceMs: PATIENCE_MS });
    await delay(REST_MS);
    const before = { cpuMs: cpuMs(pid), atMs: performance.now() };
    await delay(watchedMs);
    const percent = (100 * (cpuMs(pid) - before.cpuMs)) / (performance.now() - before.atMs);
    return { mib: residentBytes(pid) / MIB, percent };
  } finally {
    await pipeline.end();
  }
}
