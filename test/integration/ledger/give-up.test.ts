import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { readCursor } from "../../../src/ledger/cursors.ts";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { freePort } from "../../support/child-server.ts";
import { copyMadeLedger } from "../../support/made-ledger.ts";
import { relayEnvironment } from "../../support/relay-environment.ts";
import { runCommand } from "../../support/run-command.ts";

const WRITES = fileURLToPath(new URL("./write-without-room.ts", import.meta.url));
const NESTS_TOO_DEEP = fileURLToPath(new URL("./nest-too-deep.ts", import.meta.url));
/** What PGlite makes the next file of its log as: where a folder has the name, that fails as it does on a full disk. */
const NEXT_LOG = "pg_wal/xlogtemp.42";

const RULES = `rules:
  - name: every-file
    when: { workspace: "*" }
`;
const MAIN = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));
/** Of 512 bytes or 1,024 each, as the shell has it: a new ledger has files that are larger. */
const FILE_BLOCKS = 1_000;
/** Node starts with so many, and PostgreSQL does not. */
const OPEN_FILES = 48;

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** @returns the folder of an embedded ledger */
function makeOne(): string {
  const folder = mkdtempSync(join(tmpdir(), "relay-gave-up-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  copyMadeLedger(join(folder, "data"));
  return join(folder, "data");
}

const run = (script: string, ...args: readonly string[]): Promise<Ended> =>
  promisify(execFile)(process.execPath, [script, ...args]).then(
    (told) => ({ ...told, code: 0 }),
    (error: Ended) => error,
  );

test("an embedded ledger that cannot write its log of changes ends its process at once and says why, and what was committed is there at the next start", async () => {
  const data = makeOne();
  const ended = await run(WRITES, data, NEXT_LOG);
  expect(ended).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/"event":"ledger.gave_up"/),
    stderr: expect.stringMatching(
      /^relay: the embedded database gave up: could not .*pg_wal\/xlogtemp.*\n→ .*start again.*\n$/,
    ),
  });
  // The next container could not look up who held it, and would be refused until that had been silent for long.
  expect(existsSync(`${data}.lock`)).toBe(false);
  rmdirSync(join(data, NEXT_LOG));
  const ledger = await openLedger(`pglite:${data}`, silentLog);
  onTestFinished(() => ledger.close());
  expect(await readCursor(ledger.db, "kept")).toMatchObject({ value: "what was committed" });
});

test("so does one that breaks off inside, where PostgreSQL handles nothing", async () => {
  expect(await run(NESTS_TOO_DEEP, makeOne())).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/gave up: Maximum call stack size exceeded\n/),
  });
});

test("one that gives up while it starts is told of in its own words, and holds up nobody", async () => {
  const data = makeOne();
  await run(WRITES, data, NEXT_LOG);
  expect(await runCommand(["runs", "list"], { DATABASE_URL: `pglite:${data}` })).toEqual({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(
      /^relay: the embedded database does not start: could not .*pg_wal\/xlogtemp.*\n→ .*disk.*\n$/,
    ),
  });
});

test("one whose files are damaged is told of in its own words, with what to do", async () => {
  const data = makeOne();
  for (const name of readdirSync(join(data, "pg_wal")).filter((file) => /^[0-9A-F]{24}$/.test(file)))
    truncateSync(join(data, "pg_wal", name), 1_000);
  expect(await runCommand(["runs", "list"], { DATABASE_URL: `pglite:${data}` })).toEqual({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(
      /^relay: the embedded database does not start: could not .*\n→ .*copy.*docs\/deploy.md.*\n$/,
    ),
  });
});

test.each([
  { what: "cannot be made though there is room, as under a quota", limit: `-f ${FILE_BLOCKS}`, says: "quota" },
  { what: "cannot be made, as too few files may be open", limit: `-n ${OPEN_FILES}`, says: "ulimit -n" },
  { what: "does not start, as too few files may be open", limit: `-n ${OPEN_FILES}`, says: "ulimit -n", isMade: true },
])("one that $what is told of in words", async ({ limit, says, isMade = false }) => {
  const folder = isMade ? dirname(makeOne()) : mkdtempSync(join(tmpdir(), "relay-quota-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const rules = join(folder, "rules.yaml");
  writeFileSync(rules, RULES);
  const started = promisify(execFile)("sh", ["-c", `ulimit ${limit} && exec "$0" "$1" start`, process.execPath, MAIN], {
    env: relayEnvironment({
      ...{ DATABASE_URL: `pglite:${join(folder, "data")}`, RELAY_CONFIG: rules, PORT: String(await freePort()) },
      ...{ FASTIO_API_KEY: "key", DIFY_API_KEY: "app-key", CATCH_UP: "off" },
    }),
  });
  await expect(started).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      new RegExp(`^relay: ${isMade ? "the embedded database" : "no ledger could be made in"} .*\\n→ .*${says}.*\\n$`),
    ),
  });
});
