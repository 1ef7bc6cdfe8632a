import type { TestBackend } from "../support/backends.ts";
import { openPipeline } from "../support/pipeline.ts";
import type { Part, Row } from "./frame/part.ts";
import { quantile } from "./frame/statistics.ts";

const WARM_UP = 40;
/** So seldom that each file finds the relay at rest. */
const PER_SECOND = 6;
const PATIENCE_MS = 60_000;

export const latency: Part = {
  name: "latency",
  description: `From the moment at which the webhook of a file is sent to the start of its workflow, by the clock of the upstreams, with ${PER_SECOND} files a second: each finds a relay at rest, receiver and workers in one process.`,
  minutes: 3,
  sizeIs: "files",
  run: async (context) => {
    const files = context.size({ normal: 200, quick: 20 });
    const rows: Row[] = [];
    for (const name of context.stores) {
      context.say(`${files} files on ${name}`);
      const backend = await context.openStore(name);
      try {
        const waits = await startWaits(backend, files);
        if (waits.some((ms) => !Number.isFinite(ms))) context.fault(`${name}: a file had no workflow run`);
        if (waits.some((ms) => ms < 0)) context.fault(`${name}: a workflow started before the webhook of its file`);
        rows.push(
          { what: `${name}: webhook to workflow start, median`, value: quantile(waits, 0.5), unit: "ms" },
          { what: `${name}: p99`, value: quantile(waits, 0.99), unit: "ms", wanted: { atMost: 100 } },
          { what: `${name}: longest`, value: Math.max(...waits), unit: "ms" },
        );
      } finally {
        await backend.drop();
      }
    }
    return rows;
  },
};

/** Milliseconds, one for each file. */
async function startWaits({ environment }: TestBackend, files: number): Promise<readonly number[]> {
  // Else catch-up finds files, which are there before their webhooks are sent.
  const pipeline = await openPipeline({ ...environment, CATCH_UP: "off" });
  const { upstreams } = pipeline;
  try {
    await pipeline.start();
    await upstreams.ask({ do: "prepare", files: WARM_UP + files });
    await upstreams.ask({ do: "send", files: WARM_UP, perSecond: 4 * PER_SECOND });
    await upstreams.ask({ do: "until", shares: WARM_UP, patienceMs: PATIENCE_MS });
    await upstreams.ask({ do: "send", files, perSecond: PER_SECOND });
    await upstreams.ask({ do: "until", shares: WARM_UP + files, patienceMs: PATIENCE_MS });
    const passes = (await upstreams.ask({ do: "passes" })).slice(WARM_UP);
    return passes.map(({ toldAtMs, startedAtMs = Number.POSITIVE_INFINITY }) => startedAtMs - toldAtMs);
  } finally {
    await pipeline.end();
  }
}
