import { expect, inject, onTestFinished, test } from "vitest";
import { availableBackends, openBackend } from "../support/backends.ts";
import { type Burst, type BurstFigures, runBurst, sayBurst } from "../support/bursts.ts";

/** On a machine of its own each is done in half a minute; `npm run bench -- bursts` passes 2,000 files. */
const PATIENCE_MS = 500_000;
const backends = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });

async function run(name: (typeof backends)[number] | undefined, burst: Burst): Promise<BurstFigures> {
  const backend = await openBackend(name ?? "pglite", inject("postgresUrl"));
  onTestFinished(backend.drop);
  const figures = await runBurst(backend.environment, burst);
  console.info(sayBurst(burst, figures));
  const files = burst.files + burst.coldWorkspaces;
  expect(figures.told.filter(({ status }) => status !== "delivered")).toEqual([]);
  expect(new Set(figures.given).size).toBe(files);
  expect(figures.given).toHaveLength(files);
  expect(figures.shares).toBe(figures.workflowRuns.length);
  return figures;
}

test("one workspace's flood delays the one file of each of 19 others by a few runs, and nothing is lost or doubled", async () => {
  const burst: Burst = {
    files: 90,
    group: "each",
    coldWorkspaces: 19,
    slots: 5,
    workMs: 400,
    patienceMs: PATIENCE_MS,
  };
  const { coldWaits } = await run(backends.at(-1), burst);
  expect(coldWaits).toHaveLength(burst.coldWorkspaces);
  // What was at work or stood ready before them, and one of the flood for each of them; without turns all 90.
  const few = 3 * burst.slots + 8 + burst.coldWorkspaces;
  expect(Math.max(...coldWaits.map(({ hotRuns }) => hotRuns))).toBeLessThanOrEqual(few);
});

test("100 files in one drop, in batches of at most 20: each file is in one run", async () => {
  const burst: Burst = {
    files: 100,
    group: { maxFiles: 20 },
    coldWorkspaces: 0,
    slots: 3,
    workMs: 300,
    patienceMs: PATIENCE_MS,
  };
  const { workflowRuns } = await run(backends[0], burst);
  expect(workflowRuns.length).toBeGreaterThanOrEqual(5);
  // Far fewer than files, however slowly the events came in.
  expect(workflowRuns.length).toBeLessThan(50);
});
