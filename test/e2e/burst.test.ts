import { describe, expect, inject, onTestFinished, test } from "vitest";
import { availableBackends, openBackend } from "../support/backends.ts";
import { openStory } from "../support/story.ts";

/** `npm run bench -- files` drops 200. */
const FILES = 40;
const backends = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });

describe.each(backends)("on %s", (name) => {
  test(`${FILES} files dropped at once become ${FILES} shares, none lost and none doubled`, async () => {
    const backend = await openBackend(name, inject("postgresUrl"));
    onTestFinished(backend.drop);
    const story = await openStory(backend.environment, { dify: { workMs: 20 } });
    onTestFinished(story.end);
    await story.start();
    const startedMs = Date.now();
    await Promise.all(
      Array.from({ length: FILES }, (_, file) =>
        story.fastio.dropFile({ folder: "/Inbox", name: `note-${file}.txt`, content: `note number ${file}\n` }),
      ),
    );
    const told = await story.untilDelivered(FILES);
    console.info(`${name}: ${FILES} files in ${((Date.now() - startedMs) / 1_000).toFixed(1)} s`);

    expect(new Set(told.map(({ file }) => file)).size).toBe(FILES);
    expect(story.dify.books().runs).toHaveLength(FILES);
    const { shares } = story.fastio.books();
    expect(shares).toHaveLength(FILES);
    expect(shares.every(({ files }) => files.length > 0)).toBe(true);
    expect(new Set(told.map(({ share }) => share)).size).toBe(FILES);
  });
});
