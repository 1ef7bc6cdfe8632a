import { setTimeout as delay } from "node:timers/promises";
import type { BackendName, TestBackend } from "../support/backends.ts";
import { openPipeline } from "../support/pipeline.ts";
import type { Part, Row, Wanted } from "./frame/part.ts";

const AS_FAST_AS_IT_GOES = 1_000_000;
const PATIENCE_MS = 200_000;
/** What a run leaves to be done when its share is there. */
const SETTLE_MS = 2_000;

const WANTED: Readonly<Record<BackendName, Readonly<{ filesPerSecond?: Wanted; cpuMs?: Wanted }>>> = {
  "redis + postgres": { filesPerSecond: { atLeast: 250 }, cpuMs: { atMost: 4 } },
  postgres: {},
  pglite: { filesPerSecond: { atLeast: 60 } },
};
const START = ["start"];

export const drain: Part = {
  name: "drain",
  description:
    "The whole way of small files, from the first webhook to the last share, through a workflow that does nothing: both upstreams are emulated in a process of their own, all deliveries are sent at once, and the app takes 32 runs at a time. Warmed up with as many files before: a relay runs for weeks, and what it does for each file is compiled over the first two thousand. The upstreams, the stores and the relay share the machine; the processor time of the relay's processes is told by itself. The relay hears of what it does itself, too, as it does in truth.",
  minutes: 7,
  sizeIs: "files",
  run: async (context) => {
    const rows: Row[] = [];
    for (const name of context.stores) {
      const own = name === "pglite" ? { normal: 500, quick: 60 } : { normal: 2_000, quick: 100 };
      const files = context.size(own);
      // An embedded ledger has one process.
      for (const parts of name === "redis + postgres" ? [[START], [["receive"], ["work"]]] : [[START]]) {
        const title = `${name}, ${parts.flat().join(" + ")}`;
        context.say(`${files} files on ${title}`);
        const backend = await context.openStore(name);
        try {
          const { filesPerSecond, cpuMs } = WANTED[name];
          const told = await drainAll(backend, files, parts);
          const exact = told.shares === files && told.workflowRuns === files;
          if (!exact) context.fault(`${title}: ${told.shares} shares, ${told.workflowRuns} workflow runs`);
          rows.push(
            { what: `${title}: files`, value: files / told.seconds, unit: "/s", ...known(filesPerSecond) },
            {
              what: `${title}: the relay's processor time of a file`,
              value: told.relayMs,
              unit: "ms",
              ...known(cpuMs),
            },
            { what: `${title}: the upstreams' processor time of a file`, value: told.upstreamsMs, unit: "ms" },
            { what: `${title}: calls of the upstreams for a file`, value: told.calls, unit: "" },
            { what: `${title}: deliveries that a file brings`, value: told.deliveries, unit: "" },
          );
        } finally {
          await backend.drop();
        }
      }
    }
    return rows;
  },
};

const known = (wanted: Wanted | undefined) => (wanted === undefined ? {} : { wanted });

/** @param parts the relay's processes, by their arguments */
async function drainAll({ environment }: TestBackend, files: number, parts: readonly (readonly string[])[]) {
  const warmUp = files;
  // Catch-up would find files before they are told of.
  const pipeline = await openPipeline({ ...environment, CATCH_UP: "off" });
  const { upstreams } = pipeline;
  try {
    for (const part of parts) await pipeline.start(part);
    await upstreams.ask({ do: "prepare", files: warmUp + files });
    await upstreams.ask({ do: "send", files: warmUp, perSecond: AS_FAST_AS_IT_GOES });
    await upstreams.ask({ do: "until", shares: warmUp, patienceMs: PATIENCE_MS });
    await delay(SETTLE_MS);

    const before = { relayMs: pipeline.cpuMs(), ...(await upstreams.ask({ do: "figures" })) };
    await upstreams.ask({ do: "send", files, perSecond: AS_FAST_AS_IT_GOES });
    await upstreams.ask({ do: "until", shares: warmUp + files, patienceMs: PATIENCE_MS });
    await delay(SETTLE_MS);
    const after = { relayMs: pipeline.cpuMs(), ...(await upstreams.ask({ do: "figures" })) };

    const passes = (await upstreams.ask({ do: "passes" })).slice(warmUp);
    const sharedAtMs = passes.flatMap((pass) => pass.sharedAtMs ?? []);
    return {
      shares: sharedAtMs.length,
      workflowRuns: after.workflowRuns - warmUp,
      seconds: (Math.max(...sharedAtMs) - Math.min(...passes.map(({ toldAtMs }) => toldAtMs))) / 1_000,
      relayMs: (after.relayMs - before.relayMs) / files,
      upstreamsMs: (after.cpuMs - before.cpuMs) / files,
      calls: (sumOf(after.calls) - sumOf(before.calls)) / files,
      deliveries: (after.deliveries - before.deliveries) / files,
    };
  } finally {
    await pipeline.end();
  }
}

const sumOf = (calls: Readonly<Record<string, Readonly<Record<string, number>>>>): number =>
  Object.values(calls)
    .flatMap((of) => Object.values(of))
    .reduce((sum, one) => sum + one, 0);
