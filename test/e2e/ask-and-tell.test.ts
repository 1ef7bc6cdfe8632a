import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { DEFAULT_APP } from "../../src/emulators/dify/apps.ts";
import { openBackend } from "../support/backends.ts";
import { openStory, STORY_TOKEN, type Story } from "../support/story.ts";

const RULES = `rules:
  - name: read-leases
    when: { workspace: Dify-Outputs, folder: /Inbox/** }
    run:
      inputs: { document: "{{ file }}" }
      ask: { question: "Who signs {{ file.name }}?", into: parties, citations: true }
    deliver:
      as: share
      folder: /Outputs/{{ date }}
      ask: { question: "What does the report say?", into: said }
      description: "Fast.io says: {{ answers.said | truncate 200 }}"
      receipt: comment
      notice: NOTICE_URL
`;
const PARTIES = { variable: "parties", type: "paragraph", required: true } as const;
const LONG_MS = 60_000;

/** A webhook on this machine. */
async function openHook() {
  const told: string[] = [];
  const server = createServer(async (request, response) => {
    told.push(await text(request));
    response.end("ok");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { told, environment: { NOTICE_URL: `http://${host}/hook`, NOTICE_HOSTS: host } };
}

async function openTold(aiDelayMs: number) {
  const backend = await openBackend("pglite", undefined);
  onTestFinished(backend.drop);
  const hook = await openHook();
  const story = await openStory(
    { ...backend.environment, ...hook.environment },
    {
      fastio: { aiDelayMs },
      dify: { apps: [{ ...DEFAULT_APP, inputs: [...DEFAULT_APP.inputs, PARTIES] }] },
      rules: RULES,
    },
  );
  onTestFinished(story.end);
  return { story, hook };
}

const askedIn = ({ fastio }: Story) => fastio.books().questions.map(({ question }) => question);

async function readRun({ relayUrl }: Story, id: string): Promise<unknown> {
  const response = await fetch(`${relayUrl}/api/runs/${id}`, { headers: { authorization: `Bearer ${STORY_TOKEN}` } });
  return response.json();
}

test("a lease is asked about, read, shared with what Fast.io says of it, and told of, through two kills", async () => {
  const { story, hook } = await openTold(60_000);
  const { fastio, dify } = story;
  const first = await story.start();
  await fastio.dropFile({
    folder: "/Inbox",
    name: "lease.txt",
    content: "This lease is made by Anna Berg and Otto Quist.",
  });
  // Killed while the answer is waited for.
  await vi.waitFor(() => expect(askedIn(story)).toEqual(["Who signs lease.txt?"]), { timeout: LONG_MS });
  await vi.waitFor(async () => expect(await readAnswers(story)).toMatchObject([{ state: "asked" }]), {
    timeout: LONG_MS,
  });
  await first.kill();
  const second = await story.start();
  const [told] = await story.untilDelivered(1);
  // Killed when people were just told, or just were not.
  await vi.waitFor(() => expect(fastio.books().comments).toHaveLength(1), { timeout: LONG_MS, interval: 5 });
  await second.kill();
  await story.start();
  const id = told?.id ?? "";
  await vi.waitFor(
    async () =>
      expect(await readRun(story, id)).toMatchObject({
        answers: [
          { name: "parties", phase: "before", state: "answered", answer: expect.stringContaining("Anna Berg") },
          { name: "said", phase: "after", state: "answered" },
        ],
        told: [
          { by: "comment", state: "done" },
          { by: "notice", state: "done" },
        ],
      }),
    { timeout: LONG_MS, interval: 200 },
  );
  expect(askedIn(story)).toEqual(["Who signs lease.txt?", "What does the report say?"]);
  expect(dify.books().runs).toMatchObject([{ inputs: { parties: expect.stringContaining("Found in: lease.txt") } }]);
  expect(fastio.books().comments).toMatchObject([{ body: expect.stringContaining(told?.share ?? "no share") }]);
  // At least once: the kill may have come between the answer of the webhook and the word of it in the ledger.
  expect(hook.told.length).toBeGreaterThanOrEqual(1);
  expect(new Set(hook.told).size).toBe(1);
  expect(hook.told[0]).toContain(told?.share ?? "no share");
  // What the relay wrote starts nothing.
  expect(await story.runs()).toHaveLength(1);
}, 240_000);

async function readAnswers(story: Story): Promise<unknown> {
  const [run] = await story.runs();
  if (!run) return [];
  const told = (await readRun(story, run.id)) as { readonly answers?: unknown };
  return told.answers;
}
