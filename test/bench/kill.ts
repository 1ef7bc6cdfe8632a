import { setTimeout as delay } from "node:timers/promises";
import type { TestBackend } from "../support/backends.ts";
import { openPipeline } from "../support/pipeline.ts";
import type { Part, Row } from "./frame/part.ts";
import { inRounds } from "./frame/statistics.ts";

/** Runs at work when their worker is killed: as many as the app takes. */
const FILES = 24;
/** Long enough that all of them have begun, and end while nobody listens. */
const WORK_MS = 3_000;
const PATIENCE_MS = 60_000;

export const kill: Part = {
  name: "kill",
  description: `A relay is killed with SIGKILL while ${FILES} workflows of ${WORK_MS / 1_000} s run. On a server a second worker has some of them and takes over the others; an embedded ledger has one process, which is started again. Then the relay is started and killed again and again: from the spawn of the process to its first 202.`,
  minutes: 2,
  run: async (context) => {
    const rows: Row[] = [];
    for (const name of context.stores) {
      context.say(name);
      const backend = await context.openStore(name);
      try {
        const times = context.rounds({ normal: 5, quick: 2 });
        const { goneOnMs, workflowRuns, firstAcceptedMs } = await killAtWork(backend, times);
        if (workflowRuns !== FILES) context.fault(`${name}: ${workflowRuns} workflow runs for ${FILES} files`);
        rows.push(
          {
            what: `${name}: from the kill until the last of its runs is delivered`,
            value: goneOnMs / 1_000,
            unit: "s",
            wanted: { atMost: 10 },
          },
          {
            what: `${name}: from the spawn to the first 202`,
            ...inRounds(firstAcceptedMs),
            unit: "ms",
            wanted: { atMost: 1_000 },
          },
        );
      } finally {
        await backend.drop();
      }
    }
    return rows;
  },
};

async function killAtWork({ name, environment }: TestBackend, times: number) {
  // Else catch-up begins with the files before they are sent.
  const pipeline = await openPipeline({ ...environment, CATCH_UP: "off" }, { workMs: WORK_MS });
  const { upstreams } = pipeline;
  const workflowRuns = async () => (await upstreams.ask({ do: "figures" })).workflowRuns;
  try {
    const first = await pipeline.start();
    // Before there is work: a process takes longer to start than the work lasts where the machine is busy.
    if (name !== "pglite") await pipeline.start(["work"]);
    await upstreams.ask({ do: "prepare", files: FILES });
    await upstreams.ask({ do: "send", files: FILES, perSecond: 1_000 });
    while ((await workflowRuns()) < FILES) await delay(20);
    await first.kill();
    const killedAtMs = Date.now();
    const firstAcceptedMs: number[] = [];
    const startAgain = async () => {
      const again = await pipeline.startAndTime();
      firstAcceptedMs.push(again.firstAcceptedMs);
      return again.relay;
    };
    let relay = name === "pglite" ? await startAgain() : undefined;
    await upstreams.ask({ do: "until", shares: FILES, patienceMs: PATIENCE_MS });
    const passes = await upstreams.ask({ do: "passes" });
    const goneOnMs = Math.max(...passes.map(({ sharedAtMs = Number.POSITIVE_INFINITY }) => sharedAtMs)) - killedAtMs;
    while (firstAcceptedMs.length < times) {
      await relay?.kill();
      relay = await startAgain();
    }
    return { goneOnMs, workflowRuns: await workflowRuns(), firstAcceptedMs };
  } finally {
    await pipeline.end();
  }
}
