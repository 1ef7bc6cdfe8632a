import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { availableBackends, openBackend } from "../support/backends.ts";
import { SOON } from "../support/soon.ts";
import { openStory, type Story } from "../support/story.ts";

const backends = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });
/** The one nearest to production that this machine has. */
const backend = backends.at(-1) ?? "pglite";
const BUSY = { DIFY_PARALLEL: "24", LOG_LEVEL: "info" };

async function openBusyStory(
  fastio: NonNullable<Parameters<typeof openStory>[1]>["fastio"] = {},
  change: Readonly<Record<string, string>> = {},
): Promise<Story> {
  const { environment, drop } = await openBackend(backend, inject("postgresUrl"));
  onTestFinished(drop);
  const story = await openStory({ ...environment, ...BUSY, ...change }, { dify: { workMs: 5 }, fastio });
  onTestFinished(story.end);
  return story;
}

const dropMany = async (story: Story, count: number, from = 0): Promise<void> => {
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      story.fastio.dropFile({ folder: "/Inbox", name: `note-${from + index}.txt`, content: `note ${from + index}\n` }),
    ),
  );
};

/** Each file ran once in Dify and became one share. */
async function expectEachOnce(story: Story, count: number): Promise<void> {
  const told = await story.untilDelivered(count);
  expect(new Set(told.map(({ file }) => file)).size).toBe(count);
  expect(story.dify.books().runs).toHaveLength(count);
  const { shares } = story.fastio.books();
  expect(shares).toHaveLength(count);
  expect(shares.every(({ files }) => files.length > 0)).toBe(true);
  expect(new Set(told.map(({ share }) => share)).size).toBe(count);
}

const deliveriesThatCame = (story: Story): number =>
  story.fastio.books().deliveries.filter(({ settled }) => settled === "delivered").length;

describe(`on ${backend}`, () => {
  // `npm run bench -- files` drops 500.
  test("60 files reach people once each although no webhook ever comes", async () => {
    const story = await openBusyStory();
    story.fastio.addFault({ times: 0, action: { kind: "webhook_drop" } });
    await story.start();
    const startedMs = Date.now();
    await dropMany(story, 60);
    await expectEachOnce(story, 60);
    console.info(`${backend}: 60 files without webhooks in ${((Date.now() - startedMs) / 1_000).toFixed(1)} s`);
    expect(deliveriesThatCame(story)).toBe(0);
  });

  test("webhooks that get lost, doubled and out of order make each file one share", async () => {
    const story = await openBusyStory();
    const webhooks = { path: "/webhooks/fastio" };
    story.fastio.addFault({ match: { ...webhooks, probability: 0.3 }, times: 0, action: { kind: "webhook_drop" } });
    story.fastio.addFault({
      match: { ...webhooks, probability: 0.1 },
      times: 0,
      action: { kind: "webhook_duplicate" },
    });
    story.fastio.addFault({ match: { ...webhooks, probability: 0.3 }, times: 0, action: { kind: "webhook_reorder" } });
    await story.start();
    await dropMany(story, 40);
    await expectEachOnce(story, 40);
    const { deliveries } = story.fastio.books();
    expect(deliveries.filter(({ settled }) => settled === "dropped").length).toBeGreaterThan(0);
    expect(deliveriesThatCame(story)).toBeGreaterThan(0);
  });

  test("what was dropped while the relay was down is found when it starts, without any webhook", async () => {
    const story = await openBusyStory();
    const first = await story.start();
    await dropMany(story, 3);
    await expectEachOnce(story, 3);
    await first.kill();
    story.fastio.addFault({ times: 0, action: { kind: "webhook_drop" } });
    await dropMany(story, 5, 3);
    await story.start();
    await expectEachOnce(story, 8);
  });

  test.each([
    { hidden: ["/events/changes/"], source: "search" },
    { hidden: ["/events/changes/", "/events/search/"], source: "listing" },
  ])("without webhooks and without $hidden files are found by $source", async ({ hidden }) => {
    const story = await openBusyStory({ hiddenRoutes: hidden }, { LOG_LEVEL: "debug" });
    story.fastio.addFault({ times: 0, action: { kind: "webhook_drop" } });
    const relay = await story.start();
    // A listing knows what is new only after a first one.
    await vi.waitFor(() => expect(relay.output()).toContain('"event":"catch_up.pulled"'), SOON);
    await dropMany(story, 6);
    await expectEachOnce(story, 6);
  });
});
