import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { openBackend } from "../support/backends.ts";
import { copyMadeLedger } from "../support/made-ledger.ts";
import { startRelayProcess } from "../support/relay-process.ts";
import { SOON } from "../support/soon.ts";
import { openStory } from "../support/story.ts";

test.each([
  ["a key that works", {}, /"event":"fastio\.key_verified"/],
  [
    "a key that nobody has",
    { FASTIO_API_KEY: "a-key-that-nobody-has" },
    /"nextAction":"[^"]+","event":"fastio\.key_refused"/,
  ],
])("the start tells of %s", async (_title, environment, told) => {
  const backend = await openBackend("pglite", inject("postgresUrl"));
  onTestFinished(backend.drop);
  const story = await openStory({ ...backend.environment, ...environment });
  onTestFinished(story.end);
  const relay = await story.start();
  await vi.waitFor(() => expect(relay.output()).toMatch(told), SOON);
  expect(relay.output()).not.toContain("a-key-that-nobody-has");
  expect(await relay.stop()).toBe(0);
});

test("where nobody watches, a log of text begins with the settings too, and no greeting", async () => {
  const folder = mkdtempSync(join(tmpdir(), "relay-start-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "relay.config.yaml"), 'rules: [{ name: any, when: { workspace: "1" } }]\n');
  const settings = { PORT: "0", DATABASE_URL: copyMadeLedger(join(folder, "data")), LOG_FORMAT: "text" };
  const relay = await startRelayProcess({ ...settings, TEST_FOLDER: folder }, ["receive"], /relay\.started/);
  onTestFinished(relay.kill);
  expect(relay.output()).toMatch(/info +relay\.starting +host=127\.0\.0\.1 .*logFormat=text .*fastioKey=absent /);
  expect(relay.output()).not.toContain("Ctrl-C");
});
