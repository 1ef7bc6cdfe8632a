import { expect, test } from "vitest";
import type { RunStory } from "../../../handlers/run-schemas.ts";
import { outputsList } from "../../../src/dashboard/values-list.ts";

test.each([
  { finishedAtMs: null, words: "None yet." },
  { finishedAtMs: 1, words: "None." },
])("without outputs, a run that ended at $finishedAtMs says: $words", async ({ finishedAtMs, words }) => {
  const run: Pick<RunStory, "outputs" | "finishedAtMs"> = { outputs: [], finishedAtMs };
  expect((await outputsList(run as RunStory)).toString()).toContain(`>${words}<`);
});
