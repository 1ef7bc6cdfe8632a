import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { type FastioEmulatorOptions, startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import { openBackend } from "../support/backends.ts";
import { runInProcess } from "../support/cli-context.ts";
import { copyMadeLedger } from "../support/made-ledger.ts";
import { runCommand } from "../support/run-command.ts";
import { openStory } from "../support/story.ts";

const { workspaceId, workspaceName, relayKey } = FASTIO_EMULATOR_DEFAULTS;
const TARGET = "http://127.0.0.1:9/webhooks/fastio";

async function open(server: FastioEmulatorOptions = {}) {
  const fastio = await startFastioEmulator(server);
  const folder = mkdtempSync(join(tmpdir(), "relay-webhooks-"));
  onTestFinished(async () => {
    await fastio.close();
    rmSync(folder, { recursive: true, force: true });
  });
  writeFileSync(
    join(folder, "relay.config.yaml"),
    `rules:\n  - name: all\n    when: { workspace: ${workspaceName} }\n`,
  );
  const environment = {
    FASTIO_API_URL: fastio.apiUrl,
    FASTIO_API_KEY: relayKey,
    DATABASE_URL: copyMadeLedger(join(folder, "data")),
    RELAY_CONFIG: join(folder, "relay.config.yaml"),
  };
  return { fastio, folder, run: (...args: string[]) => runInProcess(args, environment) };
}

describe("relay webhooks", () => {
  test("registers for the workspace the rules name, tells the secret once, lists, tests and deletes", async () => {
    const { fastio, run } = await open();
    const made = await run("webhooks", "register", "--url", TARGET, "--json");
    const { id, secret } = JSON.parse(made.stdout) as { id: string; secret: string };
    expect(secret.length).toBeGreaterThan(7);
    expect(fastio.books().webhooks).toMatchObject([{ id, workspaceId, url: TARGET, enabled: true }]);

    const listed = await run("webhooks", "list", "--workspace", workspaceId, "--json");
    expect(JSON.parse(listed.stdout)).toMatchObject({ id, url: TARGET, workspaceId });
    expect(listed.stdout).not.toContain(secret);
    expect((await run("webhooks", "list")).stdout).toContain(TARGET);

    expect(await run("webhooks", "register", "--url", TARGET)).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(new RegExp(`already: ${id}\\n→ relay webhooks rotate ${id}`)),
    });
    expect(fastio.books().webhooks).toHaveLength(1);

    expect(await run("webhooks", "test", id)).toMatchObject({ code: 0 });
    expect(fastio.books().deliveries).toMatchObject([{ event: "webhook.test", webhookId: id }]);

    const otherSpelling = id.replaceAll("-", "").toUpperCase();
    expect(await run("webhooks", "delete", otherSpelling)).toMatchObject({ code: 0 });
    expect(fastio.books().webhooks).toEqual([]);
  });

  test("writes secrets into a file for its owner alone, the newest before the one it follows", async () => {
    const { folder, run } = await open();
    const file = join(folder, "secrets");
    const made = await run("webhooks", "register", "--url", TARGET, "--secret-file", file, "--json");
    const first = readFileSync(file, "utf8").trim();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(made.stdout + made.stderr).not.toContain(first);
    const { id } = JSON.parse(made.stdout) as { id: string };

    const rotated = await run("webhooks", "rotate", id, "--secret-file", file);
    const [newest, before, ...more] = readFileSync(file, "utf8").trim().split(",");
    expect({ before, more }).toEqual({ before: first, more: [] });
    expect(newest).not.toBe(first);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(rotated.stdout).toContain("Keep the old one");
    expect(rotated.stdout).not.toContain(newest);
  });

  test("asks for no secret that it could not write down", async () => {
    const { fastio, folder, run } = await open();
    const file = join(folder, "missing", "secrets");
    const { code, stderr } = await run("webhooks", "register", "--url", TARGET, "--secret-file", file);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(file) });
    expect(fastio.books().webhooks).toEqual([]);
  });

  test("says plainly where a server has none, and what finds the files instead", async () => {
    const { run } = await open({ hiddenRoutes: ["/webhook/", "/outbound_webhook_subscriptions/"] });
    const said = await run("webhooks", "register", "--url", TARGET);
    expect(said).toMatchObject({ code: 1, stderr: expect.stringMatching(/no webhooks[\s\S]*catch-up/) });
    const told = await run("webhooks", "list", "--json");
    expect(told.code).toBe(1);
    expect(JSON.parse(told.stdout)).toMatchObject({
      supported: false,
      nextAction: expect.stringContaining("catch-up"),
    });
  });

  test("a workspace nobody knows, a missing address and a missing key are told", async () => {
    const { run } = await open();
    expect(await run("webhooks", "list", "--workspace", "Nowhere")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("workspaces list"),
    });
    expect(await run("webhooks", "register")).toMatchObject({ code: 2, stderr: expect.stringContaining("PUBLIC_URL") });
    expect(await runInProcess(["workspaces", "list"])).toMatchObject({
      code: 78,
      stderr: expect.stringContaining("FASTIO_API_KEY"),
    });
  });
});

test("relay workspaces list tells ids and names", async () => {
  const { run } = await open();
  expect((await run("workspaces", "list")).stdout).toMatch(new RegExp(`${workspaceId}.*${workspaceName}`));
  expect(JSON.parse((await run("workspaces", "list", "--json")).stdout)).toMatchObject({
    id: workspaceId,
    name: workspaceName,
  });
});

describe("relay catch-up", () => {
  test.each([{ hidden: [] }, { hidden: ["/events/changes/"] }])(
    "finds what was dropped, once ($hidden hidden)",
    async ({ hidden }) => {
      const { fastio, run } = await open({ hiddenRoutes: hidden });
      await fastio.dropFile({ name: "a.txt", content: "a" });
      await fastio.dropFile({ name: "b.txt", content: "b" });
      const first = await run("catch-up", "--since", "1h", "--json");
      expect(first).toMatchObject({ code: 0 });
      expect(JSON.parse(first.stdout)).toMatchObject({ workspaceId, received: 0, found: 2, recovered: 2, fresh: 2 });
      const second = await run("catch-up", "--json");
      expect(JSON.parse(second.stdout)).toMatchObject({ found: 2, fresh: 0 });
    },
  );

  test("where nothing but listings is open, it says what it read from", async () => {
    const { fastio, run } = await open({ hiddenRoutes: ["/events/changes/", "/events/search/"] });
    await run("catch-up");
    await fastio.dropFile({ name: "a.txt", content: "a" });
    expect((await run("catch-up")).stdout).toMatch(/Dify-Outputs +0 +1 +1 +1 +none +listing/);
  });

  test("--report asks Fast.io nothing", async () => {
    const { fastio, run } = await open();
    expect(await run("catch-up", "--report")).toMatchObject({ code: 0, stdout: expect.stringContaining("Nothing") });
    expect(fastio.books().requests).toEqual({});
  });

  test("a duration that is none is a usage fault", async () => {
    const { run } = await open();
    expect(await run("catch-up", "--since", "yesterday")).toMatchObject({ code: 2 });
  });
});

test("a rotation needs no restart and refuses nothing: the file holds both secrets", async () => {
  const { environment, drop } = await openBackend("pglite", undefined);
  onTestFinished(drop);
  const folder = mkdtempSync(join(tmpdir(), "relay-secrets-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "secrets");
  const settings = { FASTIO_WEBHOOK_SECRETS: "", FASTIO_WEBHOOK_SECRETS_FILE: file, CATCH_UP: "off" };
  const story = await openStory({ ...environment, ...settings });
  onTestFinished(story.end);
  const [hook] = story.fastio.books().webhooks;
  const cli = (...args: string[]) =>
    runCommand(args, { FASTIO_API_URL: story.fastio.apiUrl, FASTIO_API_KEY: relayKey }, folder);
  const rotate = () => cli("webhooks", "rotate", hook?.id ?? "", "--workspace", workspaceName, "--secret-file", file);
  expect(await rotate()).toMatchObject({ code: 0 });
  const relay = await story.start();
  await story.fastio.dropFile({ folder: "/Inbox", name: "first.txt", content: "1" });
  await story.untilDelivered(1);

  const before = readFileSync(file, "utf8").trim();
  expect(await rotate()).toMatchObject({ code: 0 });
  expect(readFileSync(file, "utf8").trim().split(",")[1]).toBe(before);
  await story.fastio.dropFile({ folder: "/Inbox", name: "second.txt", content: "2" });
  await story.untilDelivered(2);
  expect(relay.output()).toContain("signature.newest_seen");
  expect(relay.output()).not.toContain("delivery.refused");
  for (const secret of readFileSync(file, "utf8").trim().split(",")) expect(relay.output()).not.toContain(secret);
});
