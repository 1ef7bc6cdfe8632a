import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { type BackendName, openBackend } from "../support/backends.ts";
import { freePort } from "../support/child-server.ts";
import { openStory, registerWebhook, type Story } from "../support/story.ts";

const WITHIN = { timeout: 60_000, interval: 50 };

async function openStoryOn(name: BackendName): Promise<Story> {
  const backend = await openBackend(name, inject("postgresUrl"));
  onTestFinished(backend.drop);
  const story = await openStory(backend.environment);
  onTestFinished(story.end);
  return story;
}

const unworked = async (url: string): Promise<unknown> => {
  const answer = await fetch(`${url}/readyz`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { readonly unworked: unknown }).unworked;
};

async function dropFiles({ fastio }: Story, count: number): Promise<void> {
  for (let nth = 0; nth < count; nth += 1)
    await fastio.dropFile({ folder: "/Inbox", name: `table-${nth}.csv`, content: `a,b\n${nth},2\n` });
}

/** One workflow run and one share for each file; what a killed worker had just sent to Dify, the next one sends again. */
function expectEachOnce({ fastio, dify }: Story, count: number): void {
  const { runs } = dify.books();
  expect(runs.filter(({ status }) => status === "succeeded")).toHaveLength(count);
  expect(runs).toHaveLength(count);
  expect(fastio.books().shares).toHaveLength(count);
}

describe.skipIf(inject("postgresUrl") === undefined)("the relay in many processes", () => {
  test.skipIf(inject("redisUrl") === undefined)(
    "two receivers and three workers deliver each file once, though both are told of it and a worker is killed",
    async () => {
      const story = await openStoryOn("redis + postgres");
      const otherPort = await freePort();
      const otherUrl = `http://127.0.0.1:${otherPort}`;
      await registerWebhook(story.fastio, `${otherUrl}/webhooks/fastio`);
      const receivers = await Promise.all([
        story.start(["receive"]),
        story.start(["receive"], { PORT: String(otherPort) }),
      ]);
      // Whichever is asked tells what nobody does.
      for (const url of [story.relayUrl, otherUrl])
        expect(await unworked(url)).toEqual(["events", "runs", "shares", "upkeep"]);
      const [doomed, ...workers] = await Promise.all([
        story.start(["work", "--queues", "runs"]),
        story.start(["work", "--queues", "runs,shares"]),
        story.start(["work", "--queues", "events,upkeep"]),
      ]);
      expect(await unworked(otherUrl)).toEqual([]);

      await dropFiles(story, 10);
      await vi.waitFor(() => expect(doomed.output()).toMatch(/"step":"fetch"/), WITHIN);
      await doomed.kill();
      await story.untilDelivered(10);
      expectEachOnce(story, 10);
      // SIGTERM ends the others in order.
      expect(await Promise.all([...receivers, ...workers].map((relay) => relay.stop()))).toEqual([0, 0, 0, 0]);
    },
  );

  test("PostgreSQL alone is queue and ledger to a receiver and two workers that share the queues", async () => {
    const story = await openStoryOn("postgres");
    await Promise.all([
      story.start(["receive"]),
      story.start(["work", "--queues", "events,shares"]),
      story.start(["work", "--queues", "runs,upkeep"]),
    ]);
    expect(await unworked(story.relayUrl)).toEqual([]);
    await dropFiles(story, 4);
    await story.untilDelivered(4);
    expectEachOnce(story, 4);
  });
});
