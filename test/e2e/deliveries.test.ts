import { expect, inject, onTestFinished, test, vi } from "vitest";
import { DEFAULT_APP } from "../../src/emulators/dify/apps.ts";
import { openBackend } from "../support/backends.ts";
import { openStory, STORY_TOKEN } from "../support/story.ts";

const PASSWORD = "Umsatz-2026, streng vertraulich";
const DAYS_30_MS = 30 * 86_400_000;

const SALES = `rules:
  - name: sales-report
    when:
      workspace: Dify-Outputs
      folder: /Sales
      files: ["*.csv"]
    run:
      inputs: { document: "{{ file }}", title: "{{ file.name }}" }
    deliver:
      as: share
      title: "Sales report from {{ file.name }}"
      password: SALES_PASSWORD
      expires: 30d
`;

/** As a person's browser: opens a page, and sends the password when asked. */
async function open(url: string, password?: string): Promise<{ readonly status: number; readonly page: string }> {
  const asked = await fetch(url, { redirect: "manual" });
  if (password === undefined) return { status: asked.status, page: await asked.text() };
  await asked.body?.cancel();
  const sent = await fetch(url, { method: "POST", redirect: "manual", body: new URLSearchParams({ password }) });
  const cookie = sent.headers
    .getSetCookie()
    .map((line) => line.split(";", 1)[0])
    .join("; ");
  const location = sent.headers.get("location");
  if (location === null) return { status: sent.status, page: await sent.text() };
  const opened = await fetch(new URL(location, url), { headers: { cookie } });
  return { status: opened.status, page: await opened.text() };
}

test("a sales report with a link that lives 30 days, behind a password", async () => {
  const backend = await openBackend("pglite", inject("postgresUrl"));
  onTestFinished(backend.drop);
  const story = await openStory({ ...backend.environment, SALES_PASSWORD: PASSWORD }, { rules: SALES });
  onTestFinished(story.end);
  const relay = await story.start();
  await story.fastio.dropFile({ folder: "/Sales", name: "q3.csv", content: "region,sum\n north ,12\n north ,12\n" });
  const [run] = await story.untilDelivered(1);
  const link = run?.share ?? "";

  expect(await open(link)).toMatchObject({ status: 401, page: expect.stringContaining("has a password") });
  expect((await open(link, "a guess")).status).toBe(403);
  const { status, page } = await open(link, PASSWORD);
  expect(status).toBe(200);
  expect(page).toContain("Sales report from q3.csv");
  expect(page).toContain("report.md");

  const headers = { authorization: `Bearer ${STORY_TOKEN}` };
  const response = await fetch(`${story.relayUrl}/api/runs/${run?.id}`, { headers });
  const told = (await response.json()) as {
    readonly link: { readonly endsAtMs: number };
    readonly createdAtMs: number;
  };
  const lifeMs = told.link.endsAtMs - told.createdAtMs;
  expect(lifeMs).toBeGreaterThanOrEqual(DAYS_30_MS);
  expect(lifeMs).toBeLessThan(DAYS_30_MS + 120_000);

  const advance = (ms: number) => fetch(`${story.fastio.url}/__clock/advance?ms=${ms}`, { method: "POST" });
  await advance(DAYS_30_MS - 3_600_000);
  expect((await open(link, PASSWORD)).status).toBe(200);
  await advance(2 * 3_600_000);
  expect((await open(link, PASSWORD)).status).toBe(410);

  // The password is in none of the places where the relay keeps or tells anything.
  expect(JSON.stringify(told)).not.toContain(PASSWORD);
  expect(relay.output()).not.toContain(PASSWORD);
});

test("a rule whose password variable is not set does not start, and only the variable is named", async () => {
  const story = await openStory({}, { rules: SALES });
  onTestFinished(story.end);
  await expect(story.start()).rejects.toThrow(
    /ended with 78[\s\S]*SALES_PASSWORD: is named by the rule sales-report and not set/,
  );
});

const CLEANING = `rules:
  - name: clean-versions
    when:
      workspace: Dify-Outputs
      folder: /To clean
      files: ["*.csv"]
    run:
      inputs: { documents: "{{ files }}" }
      group: batch
      batch: { quiet: 2s }
    deliver:
      as: drop-off
      title: "Clean versions"
      invite: ["client@example.com"]
      message: "The clean versions and a report are ready."
`;

test("three tables dropped together become a folder of clean ones with a report, for one person", async () => {
  const backend = await openBackend("pglite", inject("postgresUrl"));
  onTestFinished(backend.drop);
  const story = await openStory(backend.environment, {
    rules: CLEANING,
    dify: {
      apps: [
        {
          ...DEFAULT_APP,
          inputs: [
            {
              variable: "documents",
              type: "file-list",
              required: true,
              max_length: 5,
              allowed_file_types: ["document"],
            },
          ],
        },
      ],
    },
  });
  onTestFinished(story.end);
  await story.start();
  const names = ["north.csv", "south.csv", "west.csv"];
  for (const name of names) {
    await story.fastio.dropFile({ folder: "/To clean", name, content: `region,sum\n ${name} ,12\n ${name} ,12\n` });
  }
  const [run] = await story.untilDelivered(1);

  // One workflow run for the three, and one folder of the day with what it made.
  expect(story.dify.books().runs).toHaveLength(1);
  const books = story.fastio.books();
  const [day = ""] =
    /^\/project-[\d-]{10}\//.exec(books.files.find(({ name }) => name === "report.md")?.path ?? "") ?? [];
  expect(day).not.toBe("");
  const made = books.files.filter(({ path }) => path.startsWith(day)).map(({ name }) => name);
  expect(made.filter((name) => name.endsWith(".csv"))).toHaveLength(3);
  expect(made).toContain("report.md");

  // One person is let in, by a mail of Fast.io's with the rule's words.
  expect(books.invitations).toMatchObject([
    { email: "client@example.com", permissions: "view", message: "The clean versions and a report are ready." },
  ]);
  expect(books.shares).toMatchObject([{ title: "Clean versions", url: run?.share }]);
  const { status, page } = await open(run?.share ?? "");
  expect(status).toBe(200);
  for (const name of made) expect(page).toContain(name);
  const file = /href="([^"]+)" download/.exec(page)?.[1] ?? "";
  expect((await fetch(new URL(file, run?.share ?? ""))).status).toBe(200);

  // Who was invited and that somebody took a file is told by the run.
  await vi.waitFor(
    async () => {
      const headers = { authorization: `Bearer ${STORY_TOKEN}` };
      const response = await fetch(`${story.relayUrl}/api/runs/${run?.id}`, { headers });
      const { accesses } = (await response.json()) as { readonly accesses: { readonly latest: readonly unknown[] } };
      const took = { did: "read", who: "anonymous", what: expect.stringMatching(/\.(csv|md|json)$/) };
      expect(accesses.latest).toContainEqual(expect.objectContaining(took));
      expect(accesses.latest).toContainEqual(expect.objectContaining({ did: "invited", what: "client@example.com" }));
      expect(accesses.latest).toHaveLength(2);
    },
    { timeout: 60_000, interval: 500 },
  );
});
