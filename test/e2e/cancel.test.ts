import { expect, inject, onTestFinished, test, vi } from "vitest";
import { openBackend } from "../support/backends.ts";
import { runInProcess } from "../support/cli-context.ts";
import { SOON } from "../support/soon.ts";
import { openStory, STORY_TOKEN, type Story } from "../support/story.ts";

const WORK_MS = 300_000;

async function openLongStory() {
  const backend = await openBackend("pglite", inject("postgresUrl"));
  onTestFinished(backend.drop);
  const story = await openStory(backend.environment, { dify: { workMs: WORK_MS } });
  onTestFinished(story.end);
  return { backend, story };
}

const oneAtWork = (story: Story): Promise<string> =>
  vi.waitFor(async () => {
    const [run] = await story.runs();
    if (!run?.workflowRun) throw new Error("no workflow run is known yet");
    return run.id;
  }, SOON);
const drop = (story: Story) => story.fastio.dropFile({ folder: "/Inbox", name: "table.csv", content: "a\n1\n" });
const whatBecameOf = async (story: Story, status: string, ms: number) =>
  vi.waitFor(async () => expect(await story.runs()).toMatchObject([{ status }]), { timeout: ms, interval: 100 });

test("a relay that is killed right after a run was to be cancelled stops the workflow when it is back", async () => {
  const { story } = await openLongStory();
  const relay = await story.start();
  await drop(story);
  const id = await oneAtWork(story);
  // Dead before its worker can have done anything about it: the answer would come only after the workflow had stopped.
  const asked = fetch(`${story.relayUrl}/api/runs/${id}/cancel`, {
    method: "POST",
    headers: { authorization: `Bearer ${STORY_TOKEN}` },
  }).catch(() => undefined);
  await vi.waitFor(async () => {
    const response = await fetch(`${story.relayUrl}/api/runs/${id}`, {
      headers: { authorization: `Bearer ${STORY_TOKEN}` },
    });
    expect(await response.json()).toMatchObject({ cancelAskedAtMs: expect.any(Number) });
  }, SOON);
  await relay.kill();
  await asked;
  await story.start();
  await whatBecameOf(story, "cancelled", 60_000);
  expect(story.dify.books().runs).toMatchObject([{ status: "stopped" }]);
  expect(story.fastio.books().shares).toEqual([]);
});

test("on the command line a run at work is cancelled through the relay that holds the ledger, then replayed", async () => {
  const { backend, story } = await openLongStory();
  await story.start();
  await drop(story);
  const id = await oneAtWork(story);
  const relayUrl = new URL(story.relayUrl);
  const environment = {
    ...backend.environment,
    HOST: relayUrl.hostname,
    PORT: relayUrl.port,
    RELAY_TOKENS: `operator:${STORY_TOKEN}`,
  };
  const cancelled = await runInProcess(["runs", "cancel", id, "--reason", "the wrong file"], environment);
  expect(cancelled).toMatchObject({ code: 0, stdout: expect.stringContaining("Dify confirmed") });
  expect(cancelled.stdout).toContain("the wrong file");
  await whatBecameOf(story, "cancelled", 60_000);
  const again = await runInProcess(["runs", "cancel", id, "none", "--json"], environment);
  expect(again.code).toBe(1);
  expect(
    again.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { run: id, status: "cancelled" },
    { run: "none", status: "unknown" },
  ]);
  expect(await runInProcess(["runs", "replay", id], environment)).toMatchObject({ code: 0 });
  await vi.waitFor(() => expect(story.dify.books().runs).toHaveLength(2), SOON);
});
