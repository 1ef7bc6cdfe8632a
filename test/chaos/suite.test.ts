import { expect, inject, test } from "vitest";
import { toText, troubles } from "./suite/report.ts";
import { isClean, runChaos } from "./suite/run-chaos.ts";

const FILES = 100;
const hasServers = inject("redisUrl") !== undefined && inject("postgresUrl") !== undefined;

// Servers of its own: they are killed.
test.skipIf(!hasServers)("nothing is lost and nothing doubled in a minute of everything that can happen", async () => {
  const said: string[] = [];
  const result = await runChaos(
    { seed: "ci", store: "redis", minutes: 1, files: FILES, everyMs: 1_000, settleMs: 600_000 },
    (line) => said.push(line),
  );
  console.info(toText(result));
  expect(troubles(result), said.join("\n")).toEqual([]);
  expect(isClean(result)).toBe(true);
  expect(result.audit.counts.versions).toBe(FILES);
});
