import { expect, inject, onTestFinished, test } from "vitest";
import { availableBackends, openBackend } from "../support/backends.ts";
import { runThroughOverload, sayOverload } from "../support/overload.ts";

/** `npm run bench -- overload` passes 500. */
const FILES = 100;
const TAKES = 3;
const WORK_MS = 450;
/** On a machine of its own all is done in half a minute. */
const PATIENCE_MS = 500_000;

test(`${FILES} runs through an app that takes ${TAKES} at a time and refuses the rest with 400 and 429: all delivered, no attempt burnt`, async () => {
  // The fastest one: this is about the app's slots, not about the ledger.
  const backends = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });
  const [name = "pglite"] = [...backends].reverse();
  const backend = await openBackend(name, inject("postgresUrl"));
  onTestFinished(backend.drop);
  const figures = await runThroughOverload(backend.environment, {
    files: FILES,
    takes: TAKES,
    workMs: WORK_MS,
    patienceMs: PATIENCE_MS,
  });
  // Utilisation is printed, not promised, since a busy machine lowers it.
  console.info(`overload: ${FILES} runs, ${TAKES} at a time: ${sayOverload(figures)}`);
  expect(figures.told.filter(({ status }) => status !== "delivered")).toEqual([]);
  expect(figures.told).toHaveLength(FILES);
  expect(figures.limitLowered).toBe(true);
  expect(figures.workflowRuns).toHaveLength(FILES);
  expect(figures.workflowRuns.every(({ status }) => status === "succeeded")).toBe(true);
  expect(figures.refused).toBeGreaterThan(0);
  expect(figures.burnt).toBe(0);
});
