import { afterAll, beforeAll, expect, inject, test, vi } from "vitest";
import { openBackend, type TestBackend } from "../support/backends.ts";
import { type Outcome, runInProcess } from "../support/cli-context.ts";
import { openStory, STORY_TOKEN, type Story } from "../support/story.ts";

let backend: TestBackend;
let story: Story;
beforeAll(async () => {
  backend = await openBackend("pglite", inject("postgresUrl"));
  story = await openStory(backend.environment);
  await story.start();
});
afterAll(async () => {
  await story?.end();
  await backend?.drop();
});

async function pausedRun(name: string): Promise<string> {
  story.dify.addFault({ action: { kind: "pause" } });
  await story.fastio.dropFile({ folder: "/Inbox", name, content: "name\nAda\n" });
  return vi.waitFor(async () => {
    const run = (await story.runs()).find(({ file }) => file === name);
    expect(run?.status).toBe("paused");
    return run?.id ?? "";
  }, 60_000);
}

const untilDelivered = (id: string): Promise<void> =>
  vi.waitFor(async () => {
    expect((await story.runs()).find((run) => run.id === id)).toMatchObject({ status: "delivered", error: null });
  }, 60_000);

async function get(id: string): Promise<{ readonly status: number; readonly told: unknown }> {
  const headers = { authorization: `Bearer ${STORY_TOKEN}` };
  const response = await fetch(`${story.relayUrl}/api/runs/${id}/answer`, { headers });
  return { status: response.status, told: await response.json() };
}

async function post(id: string, body: unknown): Promise<{ readonly status: number; readonly told: unknown }> {
  const response = await fetch(`${story.relayUrl}/api/runs/${id}/answer`, {
    method: "POST",
    headers: { authorization: `Bearer ${STORY_TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, told: await response.json() };
}

test("over HTTP a question is shown, a wrong answer explained, a right one taken once, and the run goes on by itself", async () => {
  const id = await pausedRun("by-http.csv");
  const asked = await get(id);
  expect(asked).toMatchObject({
    status: 200,
    told: {
      run: id,
      status: "paused",
      forms: [{ question: expect.stringContaining("Is this file to be worked on?") }],
    },
  });
  expect(JSON.stringify(asked)).not.toMatch(/token/i);

  const wrong = await post(id, { action: "dance" });
  expect(wrong).toEqual({
    status: 400,
    told: { code: "unknown_action", error: "There is no such action; there are approve, reject." },
  });
  const empty = await post(id, { action: "approve" });
  expect(empty).toMatchObject({ status: 400, told: { error: expect.stringContaining("feedback") } });
  expect((await post(id, { action: 7 })).status).toBe(400);
  expect((await post(id, {})).status).toBe(400);

  const right = { action: "approve", inputs: { feedback: "yes" } };
  expect(await post(id, right)).toEqual({ status: 200, told: { run: id, status: "answered", action: "approve" } });
  const again = await post(id, right);
  expect(again.status).toBe(409);
  expect(again.told).toMatchObject({ error: expect.stringMatching(/answered|asks nobody/) });
  await untilDelivered(id);
  expect((await post("rnone", right)).status).toBe(404);
  expect(story.dify.books().runs).toHaveLength(1);
});

test("on pages too: the run's leads to the question, whose form answers it", async () => {
  const id = await pausedRun("by-page.csv");
  const login = await fetch(`${story.relayUrl}/?token=${STORY_TOKEN}`, { redirect: "manual" });
  const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
  const page = async (path: string) => (await fetch(`${story.relayUrl}${path}`, { headers: { cookie } })).text();
  expect(await page(`/runs/${id}`)).toContain(`href="/runs/${id}/answer"`);
  const question = await page(`/runs/${id}/answer`);
  expect(question).toContain("Is this file to be worked on?");
  expect(question).toContain('name="input.feedback"');
  expect(question).toContain('name="action" value="approve"');
  const answered = await fetch(`${story.relayUrl}/runs/${id}/answer`, {
    method: "POST",
    redirect: "manual",
    headers: { cookie, "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin" },
    body: new URLSearchParams({ "input.feedback": "yes", action: "approve" }),
  });
  expect(answered.status).toBe(303);
  expect(answered.headers.get("location")).toBe(`/runs/${id}`);
  await untilDelivered(id);
});

test("from the command line too, beside a relay that holds the ledger", async () => {
  const id = await pausedRun("by-command.csv");
  const settings = {
    ...backend.environment,
    HOST: "127.0.0.1",
    PORT: new URL(story.relayUrl).port,
    FASTIO_API_KEY: "unused",
    DIFY_API_URL: story.dify.apiUrl,
    RELAY_TOKENS: `operator:${STORY_TOKEN}`,
    PUBLIC_URL: "https://proxy:a-password@relay.example",
  };
  const answer = (...args: string[]): Promise<Outcome> => runInProcess(["runs", "answer", id, ...args], settings);

  const asked = await answer();
  expect(asked).toMatchObject({ code: 0, stderr: "" });
  for (const words of [
    "Is this file to be worked on?",
    "feedback",
    "approve: Approve",
    "reject: Reject",
    "https://relay.example/runs/",
  ])
    expect(asked.stdout).toContain(words);

  expect(await answer("--action", "dance")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("there are approve, reject"),
  });
  const told = async (...args: string[]): Promise<unknown> => JSON.parse((await answer(...args, "--json")).stdout);
  expect(await told("--action", "dance")).toMatchObject({ kind: "unknown_action" });
  expect(await told("--action", "approve")).toMatchObject({
    kind: "unfit",
    message: expect.stringContaining("feedback"),
  });
  const right = ["--action", "approve", "--input", "feedback=yes"];
  expect(await answer(...right)).toMatchObject({ code: 0, stdout: expect.stringContaining("goes on by itself") });
  await untilDelivered(id);
  expect(await answer(...right)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/asks nobody: a replay begins it again\.\n→ relay runs show /),
  });
  expect(await told()).toEqual({
    kind: "not_paused",
    message: "The run is delivered and asks nobody: a replay begins it again.",
  });
});
