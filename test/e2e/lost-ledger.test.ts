import { cpSync, rmSync } from "node:fs";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { availableBackends, type BackendName, openBackend, type TestBackend } from "../support/backends.ts";
import { openStory, type Story, type ToldRun } from "../support/story.ts";

const backends = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });
const FILES = 5;

async function openStore(name: BackendName): Promise<TestBackend> {
  const store = await openBackend(name, inject("postgresUrl"));
  onTestFinished(store.drop);
  return store;
}

async function openBusyStory(): Promise<Story> {
  const story = await openStory({ DIFY_PARALLEL: "8" }, { dify: { workMs: 5 } });
  onTestFinished(story.end);
  return story;
}

const dropFiles = async ({ fastio }: Story, ...names: readonly string[]): Promise<void> => {
  for (const name of names)
    await fastio.dropFile({ folder: "/Inbox", name: `${name}.txt`, content: `About ${name}\n` });
};
const linksOf = (runs: readonly ToldRun[]) => Object.fromEntries(runs.map(({ file, share }) => [file, share]));
const names = Array.from({ length: FILES }, (_, index) => `note-${index}`);

describe.each(backends)("a new ledger in place of a lost one, on %s", (name) => {
  test("brings each file to the link that it had, and nothing is placed or shared twice", async () => {
    const [before, after] = await Promise.all([openStore(name), openStore(name)]);
    const story = await openBusyStory();
    const first = await story.start(["start"], before.environment);
    await dropFiles(story, ...names);
    const links = linksOf(await story.untilDelivered(FILES));
    const { shares } = story.fastio.books();
    await first.kill();

    // Webhooks do not tell of those files again. A queue of its own, if there is one, remembers all that was done.
    await story.start(["start"], { ...before.environment, DATABASE_URL: after.environment["DATABASE_URL"] ?? "" });
    await dropFiles(story, "one-more");
    expect(linksOf(await story.untilDelivered(FILES + 1))).toMatchObject(links);
    const now = story.fastio.books().shares;
    expect(now.filter(({ title }) => !title.includes("one-more"))).toEqual(shares);
    expect(now).toHaveLength(FILES + 1);
  });
});

test("a copy of an embedded ledger that is put back goes on from there, and brings what came since to the link that it had", async () => {
  const { environment } = await openStore("pglite");
  const folder = (environment["DATABASE_URL"] ?? "").replace("pglite:", "");
  const story = await openBusyStory();
  const first = await story.start(["start"], environment);
  await dropFiles(story, "old-1", "old-2");
  await story.untilDelivered(2);
  await first.stop();
  cpSync(folder, `${folder}.copy`, { recursive: true });

  const second = await story.start(["start"], environment);
  await dropFiles(story, "new-1", "new-2");
  const links = linksOf(await story.untilDelivered(4));
  const { shares } = story.fastio.books();
  await second.kill();
  rmSync(folder, { recursive: true });
  cpSync(`${folder}.copy`, folder, { recursive: true });

  await story.start(["start"], environment);
  expect(linksOf(await story.untilDelivered(4))).toEqual(links);
  expect(story.fastio.books().shares).toEqual(shares);
  expect(story.dify.books().runs).toHaveLength(6); // those that the copy does not know ran once more
});
