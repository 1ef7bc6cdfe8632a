import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { DEFAULT_APP_KEY } from "../../src/emulators/dify/defaults.ts";
import { startDifyEmulator } from "../../src/emulators/dify/start-dify-emulator.ts";
import { FASTIO_EMULATOR_DEFAULTS } from "../../src/emulators/fastio/defaults.ts";
import { startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import { freePort } from "../support/child-server.ts";
import { findTerminalMaker } from "../support/find-programs.ts";
import { copyMadeLedger } from "../support/made-ledger.ts";
import { KEYS, openPseudoTerminal } from "../support/pseudo-terminal.ts";

const { relayKey, workspaceId, orgId } = FASTIO_EMULATOR_DEFAULTS;
const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** How green is switched on, which is what every answered question shows. */
const COLOUR = "\u001B[32m";

async function openInit(environment: Readonly<Record<string, string>> = {}) {
  const [fastio, dify] = await Promise.all([
    startFastioEmulator({ timeScale: 60 }),
    startDifyEmulator({ quiet: true, workMs: 20 }),
  ]);
  const place = mkdtempSync(join(tmpdir(), "relay-first-"));
  const folder = mkdtempSync(join(place, "empty-"));
  const terminal = openPseudoTerminal([process.execPath, MAIN, "init"], {
    cwd: folder,
    environment: {
      FASTIO_API_URL: fastio.apiUrl,
      DIFY_API_URL: dify.apiUrl,
      PORT: String(await freePort()),
      DATABASE_URL: copyMadeLedger(join(place, "data")),
      ...environment,
    },
  });
  onTestFinished(async () => {
    terminal.kill();
    await Promise.all([fastio.close(), dify.close()]);
    rmSync(place, { recursive: true, force: true });
  });
  return { fastio, folder, terminal };
}

/** The first set-up, as the README tells it. */
test.skipIf(!findTerminalMaker())("from an empty folder to a delivered file, in a terminal", async () => {
  const { fastio, folder, terminal } = await openInit();
  await fetch(`${fastio.apiUrl}/org/${orgId}/create/workspace/`, {
    method: "POST",
    headers: { authorization: `Bearer ${relayKey}` },
    body: new URLSearchParams({
      ...{ name: "Legal", folder_name: "legal", intelligence: "false" },
      ...{ perm_join: "Member or above", perm_member_manage: "Admin or above" },
    }),
  });

  await terminal.until(/API key of Fast\.io \(127\.0\.0\.1:\d+\)/);
  terminal.type(`wrong-key-of-fastio${KEYS.enter}`);
  await terminal.until(/does not take this key/);
  await terminal.until(/API key of Fast\.io/);
  terminal.type(relayKey + KEYS.enter);
  await terminal.until(/Organisation: Acme, the only one/);

  await terminal.until(/Which workspace[\s\S]*Dify-Outputs[\s\S]*Legal/);
  terminal.type(KEYS.down);
  await terminal.until(/● Legal/);
  terminal.type(KEYS.up);
  await terminal.until(/● Dify-Outputs/);
  terminal.type(KEYS.enter);

  await terminal.until(/API key of the Dify app/);
  terminal.type(DEFAULT_APP_KEY + KEYS.enter);
  await terminal.until(/file goes into document/);
  await terminal.until(/Which folder of Dify-Outputs[\s\S]*\/Inbox/);
  terminal.type(KEYS.enter);
  await terminal.until(/How do people get the outputs\?[\s\S]*● a share of its own/);
  terminal.type(KEYS.enter);
  await terminal.until(/Who is invited\?/);
  terminal.type(KEYS.enter);

  await terminal.until(/FASTIO_API_KEY=\(not shown\)/);
  await terminal.until(/name: emulated-workflow/);
  await terminal.until(/A webhook will be registered at Fast\.io/);
  await terminal.until(/Write this\?/);
  expect({ files: readdirSync(folder), hooks: fastio.books().webhooks }).toEqual({ files: [], hooks: [] });
  terminal.type(KEYS.enter);
  await terminal.until(/Webhook \S+ is registered[\s\S]*are written/);
  await terminal.until(/Drop a small file now/);
  terminal.type(KEYS.enter);
  const [, link = ""] = await terminal.until(/relay-first-file\.txt is delivered:[\s│]+(http\S+)/);
  await terminal.until(/npx relay start/);
  expect(await terminal.ended).toBe(0);

  const page = await fetch(link);
  expect({ status: page.status, text: await page.text() }).toEqual({
    status: 200,
    text: expect.stringContaining("relay-first-file"),
  });
  expect(fastio.books().webhooks).toMatchObject([{ workspaceId }]);
  expect(readdirSync(folder).sort()).toEqual([".env", "relay.config.yaml"]);
  expect(statSync(join(folder, ".env")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(folder, "relay.config.yaml"), "utf8")).toContain("# Dify-Outputs");
  for (const secret of [relayKey, DEFAULT_APP_KEY, "wrong-key"]) expect(terminal.text()).not.toContain(secret);
  expect(terminal.screen()).toContain(COLOUR);
  // What a stranger named is made plain, and must not take our own colours with it.
  expect(terminal.text()).not.toContain("\uFFFD");
});

test.skipIf(!findTerminalMaker())(
  "Ctrl-C before the yes leaves the folder empty and says so: 1; NO_COLOR is honoured",
  async () => {
    const { fastio, folder, terminal } = await openInit({ NO_COLOR: "1" });
    await terminal.until(/API key of Fast\.io/);
    terminal.type(relayKey + KEYS.enter);
    await terminal.until(/API key of the Dify app/);
    terminal.type(KEYS.ctrlC);
    await terminal.until(/Stopped\. Nothing was written/);
    expect(await terminal.ended).toBe(1);
    expect(terminal.screen()).not.toContain(COLOUR);
    expect({ files: readdirSync(folder), hooks: fastio.books().webhooks }).toEqual({ files: [], hooks: [] });
  },
);
