import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startFastioEmulator } from "../../src/emulators/fastio/start.ts";
import { freePort } from "../support/child-server.ts";
import { findTerminalMaker } from "../support/find-programs.ts";
import { copyMadeLedger } from "../support/made-ledger.ts";
import { KEYS, openPseudoTerminal } from "../support/pseudo-terminal.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const TOKEN = "a-token-of-an-operator";
const RULES = `rules:
  - name: read-new-files
    when: { workspace: Dify-Outputs }
    run: { inputs: { document: "{{ file }}" } }
    deliver: { as: share }
`;

async function openStart(environment: Readonly<Record<string, string>>, columns?: number) {
  const fastio = await startFastioEmulator();
  const folder = mkdtempSync(join(tmpdir(), "relay-watched-"));
  writeFileSync(join(folder, "relay.config.yaml"), RULES);
  const port = await freePort();
  const terminal = openPseudoTerminal([process.execPath, MAIN, "start"], {
    cwd: folder,
    ...(columns === undefined ? {} : { columns }),
    environment: {
      FASTIO_API_URL: fastio.apiUrl,
      FASTIO_API_KEY: "a-key-that-nobody-has",
      DIFY_API_URL: "http://127.0.0.1:1/v1",
      DIFY_API_KEY: "app-of-nobody-at-all",
      RELAY_TOKENS: `operator:${TOKEN}`,
      PORT: String(port),
      DATABASE_URL: copyMadeLedger(join(folder, "data")),
      ...environment,
    },
  });
  onTestFinished(async () => {
    terminal.kill();
    await fastio.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { terminal, folder, url: `http://127.0.0.1:${port}` };
}

test.skipIf(!findTerminalMaker())(
  "who starts the relay in a terminal reads where its pages are, what opens them and what is wrong, and no secret",
  async () => {
    const { terminal, url } = await openStart({});
    await terminal.until(/info {2}relay\.starting {2}rules=read-new-files/);
    await terminal.until(new RegExp(`pages +${url}\\s+log in with what stands behind operator: in RELAY_TOKENS`));
    await terminal.until(/no delivery can be verified/);
    await terminal.until(/error fastio\.key_refused[^→]*\n +→ \S/);
    expect(terminal.text()).not.toContain(TOKEN);
    expect(terminal.text()).not.toContain("{");
    terminal.type(KEYS.ctrlC);
    await terminal.until(/relay\.stopped/);
    expect(await terminal.ended).toBe(0);
    expect(terminal.screen()).toContain("\u001B[");
  },
);

test.skipIf(!findTerminalMaker())("Ctrl-C while the first ledger is made ends the relay in order", async () => {
  const { terminal, folder } = await openStart({ DATABASE_URL: "pglite:new/data" });
  const place = join(folder, "new");
  const isBeingMade = (): boolean =>
    existsSync(place) && readdirSync(place, { recursive: true }).some((path) => /making-.*PG_VERSION/.test(`${path}`));
  await expect.poll(isBeingMade, { timeout: 60_000, interval: 5 }).toBe(true);
  terminal.type(KEYS.ctrlC);
  await terminal.until(/relay\.stopped/);
  expect(await terminal.ended).toBe(0);
  expect(readdirSync(place)).toEqual(["data"]);
});

test.skipIf(!findTerminalMaker())("a terminal that does not know its size has whole lines", async () => {
  const { terminal } = await openStart({}, 0);
  await terminal.until(/info {2}relay\.starting {2}rules=read-new-files/);
});

test.skipIf(!findTerminalMaker())("LOG_FORMAT=json has lines of JSON in a terminal, and nothing else", async () => {
  const { terminal } = await openStart({ LOG_FORMAT: "json" });
  await terminal.until(/"event":"relay\.started"/);
  terminal.type(KEYS.ctrlC);
  await terminal.until(/"event":"relay\.stopped"/);
  await terminal.ended;
  const lines = terminal.screen().replaceAll("^C", "").trim().split(/\r?\n/);
  expect(lines.map((line) => JSON.parse(line).event)).toContain("relay.started");
});

test.skipIf(!findTerminalMaker())("a relay ends in order when its terminal is closed", async () => {
  const { terminal, folder } = await openStart({});
  await terminal.until(/relay\.started/);
  // Who dies by a signal leaves it behind.
  const isHeld = (): boolean => existsSync(join(folder, "data.lock"));
  expect(isHeld()).toBe(true);
  terminal.kill();
  await expect.poll(isHeld, { timeout: 30_000 }).toBe(false);
});
