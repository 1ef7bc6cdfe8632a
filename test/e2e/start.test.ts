import { expect, inject, onTestFinished, test, vi } from "vitest";
import { openBackend } from "../support/backends.ts";
import { SOON } from "../support/soon.ts";
import { openStory } from "../support/story.ts";

test.each([
  ["a key that works", {}, /"event":"fastio\.key_verified"/],
  [
    "a key that nobody has",
    { FASTIO_API_KEY: "a-key-that-nobody-has" },
    /"nextAction":"[^"]+","event":"fastio\.key_refused"/,
  ],
])("the start tells of %s", async (_title, environment, told) => {
  const backend = await openBackend("pglite", inject("postgresUrl"));
  onTestFinished(backend.drop);
  const story = await openStory({ ...backend.environment, ...environment });
  onTestFinished(story.end);
  const relay = await story.start();
  await vi.waitFor(() => expect(relay.output()).toMatch(told), SOON);
  expect(relay.output()).not.toContain("a-key-that-nobody-has");
  expect(await relay.stop()).toBe(0);
});
