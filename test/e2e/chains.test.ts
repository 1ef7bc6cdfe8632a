import { expect, inject, onTestFinished, test, vi } from "vitest";
import { openBackend } from "../support/backends.ts";
import { makeUploadShare, uploadIntoShare } from "../support/share-upload.ts";
import { openStory, STORY_TOKEN, type Story } from "../support/story.ts";

const rule = (name: string, when: string, more = ""): string => `  - name: ${name}
    when: { workspace: Dify-Outputs, ${when} }
    run: { inputs: { document: "{{ file }}", title: "{{ file.name }}" } }
    deliver: { as: workspace, folder: "/Outputs/${name}" }
${more}`;

async function open(rules: string): Promise<Story> {
  const { environment, drop } = await openBackend("pglite", inject("postgresUrl"));
  onTestFinished(drop);
  const story = await openStory(environment, { dify: { workMs: 5 }, rules: `rules:\n${rules}` });
  onTestFinished(story.end);
  return story;
}

async function ask<T>(story: Story, path: string): Promise<T> {
  const answer = await fetch(`${story.relayUrl}${path}`, { headers: { authorization: `Bearer ${STORY_TOKEN}` } });
  if (!answer.ok) throw new Error(`GET ${path} answered ${answer.status}`);
  return (await answer.json()) as T;
}

type ToldRun = { readonly id: string; readonly rule: string; readonly status: string };
type Told = {
  readonly events: readonly { readonly reasons: readonly { readonly rule: string; readonly reason: string }[] }[];
};

test("two rules that take each other's outputs end by themselves, and say why", async () => {
  const story = await open(
    rule("first", "folder: /Inbox/**") +
      rule("ping", "outputsOf: [first, pong]", "    maxDepth: 3\n") +
      rule("pong", "outputsOf: ping", "    maxDepth: 3\n"),
  );
  await story.start();
  await story.fastio.dropFile({ folder: "/Inbox", name: "table.csv", content: "a,b\n1,2\n" });
  const { events, last } = await vi.waitFor(
    async () => {
      const told = await ask<Told>(story, "/api/events?limit=500");
      const ends = told.events
        .flatMap(({ reasons }) => reasons)
        .filter(({ reason }) => reason.startsWith("the chain ends"));
      expect(ends.length).toBeGreaterThan(0);
      return { events: told.events, last: ends[0] };
    },
    { timeout: 60_000, interval: 200 },
  );
  expect(events.length).toBeGreaterThan(4);
  expect(last).toEqual({
    rule: "pong",
    reason: "the chain ends here: first → ping → pong → ping → pong would be 4 deep, and maxDepth is 3",
  });
  const { runs } = await ask<{ runs: readonly ToldRun[] }>(story, "/api/runs");
  const [deepest] = runs.filter(({ rule }) => rule === "ping");
  const story0 = await ask<{ family: readonly { rule: string; depth: number }[] }>(story, `/api/runs/${deepest?.id}`);
  expect(new Set(story0.family.map(({ rule: name, depth }) => `${depth} ${name}`))).toEqual(
    new Set(["0 first", "1 ping", "2 pong", "3 ping"]),
  );
});

test("what people upload into a share reaches a workflow by webhook, and without one", async () => {
  const story = await open(rule("uploads", 'share: "upload-here-1"'));
  const shareId = await makeUploadShare(story.fastio, "upload-here-1");
  await story.start();
  await uploadIntoShare(story.fastio, shareId, "by-webhook.csv", "a,b\n1,2\n");
  await story.untilDelivered(1);

  story.fastio.addFault({ times: 0, action: { kind: "webhook_drop" } });
  await uploadIntoShare(story.fastio, shareId, "by-catch-up.csv", "a,b\n3,4\n");
  const told = await story.untilDelivered(2);
  expect(told.map(({ file }) => file).sort()).toEqual(["by-catch-up.csv", "by-webhook.csv"]);
  expect(story.dify.books().runs).toHaveLength(2);
});
