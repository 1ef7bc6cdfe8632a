import { expect, inject, onTestFinished, test, vi } from "vitest";
import { signDelivery } from "../../src/fastio/signatures/sign-delivery.ts";
import { availableBackends, openBackend } from "../support/backends.ts";
import { SOON } from "../support/soon.ts";
import { openStory, type Story } from "../support/story.ts";

const backends = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });

test.each(backends)("on %s, one delivery sent five times and one event under five ids make one run", async (name) => {
  const backend = await openBackend(name, inject("postgresUrl"));
  onTestFinished(backend.drop);
  const story = await openStory(backend.environment);
  onTestFinished(story.end);
  // The emulator tells of it too, under an id of its own: one more reason for the same run.
  const file = await story.fastio.dropFile({ folder: "/Inbox", name: "notes.txt", content: "seen once\n" });
  const body = JSON.stringify({
    event: "file.created",
    event_id: "event-1",
    workspace_id: story.fastio.workspaceId,
    file_id: file.nodeId,
    timestamp: new Date().toISOString(),
  });
  const relay = await story.start();

  const same = headersOf(story, body, "delivery-0");
  const repeated = Array.from({ length: 5 }, () => send(story, body, same));
  const renamed = Array.from({ length: 5 }, (_, index) =>
    send(story, body, headersOf(story, body, `delivery-${index}`)),
  );
  const verdicts = await Promise.all([...repeated, ...renamed]);
  expect(verdicts.toSorted()).toEqual(["accepted", ...Array(9).fill("duplicate")]);

  const [run] = await story.untilDelivered(1);
  // Afterwards too, and under another event id: the run is that of the file's version.
  expect(await send(story, body, headersOf(story, body, "delivery-late"))).toBe("duplicate");
  const again = body.replace("event-1", "event-2");
  expect(await send(story, again, headersOf(story, again, "delivery-again"))).toBe("accepted");
  const routed = (): number => relay.output().split('"event":"event.routed"').length - 1;
  await vi.waitFor(() => expect(routed()).toBeGreaterThanOrEqual(2), SOON);

  // Letting go of the run after its last step moves its time of change a little: that is no new run.
  expect(await story.runs()).toEqual([{ ...run, updatedAtMs: expect.any(Number) }]);
  expect(story.dify.books().runs).toHaveLength(1);
  expect(story.fastio.books().shares).toHaveLength(1);
});

async function send(story: Story, body: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const answer = await fetch(`${story.relayUrl}/webhooks/fastio`, { method: "POST", headers, body });
  expect(answer.status).toBe(202);
  const { status } = (await answer.json()) as { readonly status: string };
  return status;
}

const headersOf = (story: Story, body: string, id: string): Readonly<Record<string, string>> => ({
  "content-type": "application/json",
  ...signDelivery({
    scheme: "standard-webhooks",
    secrets: [story.secret],
    body: Buffer.from(body),
    nowMs: Date.now(),
    id,
  }),
});
