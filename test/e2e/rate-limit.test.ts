import { expect, inject, onTestFinished, test } from "vitest";
import { openBackend } from "../support/backends.ts";
import { openStory } from "../support/story.ts";

const FILES = 130;
const ALLOWED = 60;
/** A minute of the published limit, scaled. */
const WINDOW_MS = 1_000;

test(`a thousand calls to a Fast.io that allows ${ALLOWED} a window end without a failed run, and none is sent into a closed window`, async () => {
  const backend = await openBackend(inject("postgresUrl") === undefined ? "pglite" : "postgres", inject("postgresUrl"));
  onTestFinished(backend.drop);
  let refused = 0;
  const print = (line: string): void => {
    if (/ 429\b/.test(line)) refused += 1;
  };
  const story = await openStory(backend.environment, {
    fastio: { rateLimit: ALLOWED, rateWindowMs: WINDOW_MS, print },
    dify: { workMs: 20 },
  });
  onTestFinished(story.end);
  await story.start();
  for (let file = 0; file < FILES; file++) {
    await story.fastio.dropFile({ folder: "/Inbox", name: `note-${file}.txt`, content: `note ${file}\n` });
  }
  await story.untilDelivered(FILES);

  const { requests, shares } = story.fastio.books();
  const calls = Object.values(requests).reduce((sum, count) => sum + count, 0);
  expect(shares).toHaveLength(FILES);
  expect(calls).toBeGreaterThanOrEqual(1_000);
  // Only requests that were on their way when the window closed may have met the wall.
  expect(refused).toBeLessThan(calls / 50);
  console.info(`${calls} calls in windows of ${ALLOWED}, ${refused} refused`);
});
