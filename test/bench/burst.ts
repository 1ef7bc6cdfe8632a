import type { TestBackend } from "../support/backends.ts";
import { openPipeline } from "../support/pipeline.ts";
import type { Part, Row } from "./frame/part.ts";

const SECONDS = 5;
const PATIENCE_MS = 240_000;
const ACCEPTED = 202;
const UNAVAILABLE = 503;

export const burst: Part = {
  name: "burst",
  description: `Files told of within ${SECONDS} s, all of one workspace, and drained: each delivery is accepted at once, or answered with 503 and accepted when Fast.io sends it again.`,
  minutes: 4,
  sizeIs: "files",
  run: async (context) => {
    const rows: Row[] = [];
    for (const name of context.stores.filter((one) => one !== "postgres")) {
      const files = context.size({ normal: name === "pglite" ? 2_000 : 5_000, quick: 100 });
      context.say(`${files} files on ${name}`);
      const backend = await context.openStore(name);
      try {
        const told = await drainBurst(backend, files);
        if (told.atOnce + told.onRetry !== files) context.fault(`${name}: of ${files} files some were refused`);
        if (told.workflowRuns !== files)
          context.fault(`${name}: ${told.workflowRuns} workflow runs for ${files} files`);
        rows.push(
          { what: `${name}: accepted at once, of ${files} files`, value: told.atOnce, unit: "" },
          { what: `${name}: answered with 503 first, and accepted then`, value: told.onRetry, unit: "" },
          { what: `${name}: from the first delivery to the last share`, value: told.seconds, unit: "s" },
        );
      } finally {
        await backend.drop();
      }
    }
    return rows;
  },
};

async function drainBurst({ environment }: TestBackend, files: number) {
  const pipeline = await openPipeline(environment);
  const { upstreams } = pipeline;
  try {
    await pipeline.start();
    await upstreams.ask({ do: "prepare", files });
    await upstreams.ask({ do: "send", files, perSecond: files / SECONDS });
    await upstreams.ask({ do: "until", shares: files, patienceMs: PATIENCE_MS });
    const passes = await upstreams.ask({ do: "passes" });
    const accepted = passes.filter(({ statuses }) => statuses.at(-1) === ACCEPTED);
    const atOnce = accepted.filter(({ statuses }) => statuses.length === 1);
    const onRetry = accepted.filter(
      ({ statuses }) => statuses.length > 1 && statuses.slice(0, -1).every((status) => status === UNAVAILABLE),
    );
    const last = Math.max(...passes.map(({ sharedAtMs = Number.POSITIVE_INFINITY }) => sharedAtMs));
    return {
      atOnce: atOnce.length,
      onRetry: onRetry.length,
      workflowRuns: (await upstreams.ask({ do: "figures" })).workflowRuns,
      seconds: (last - Math.min(...passes.map(({ toldAtMs }) => toldAtMs))) / 1_000,
    };
  } finally {
    await pipeline.end();
  }
}
