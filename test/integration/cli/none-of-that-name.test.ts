import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FASTIO_EMULATOR_DEFAULTS } from "../../../src/emulators/fastio/defaults.ts";
import { startFastioEmulator } from "../../../src/emulators/fastio/start.ts";
import { runInProcess } from "../../support/cli-context.ts";
import { copyMadeLedger } from "../../support/made-ledger.ts";

const { workspaceName, relayKey } = FASTIO_EMULATOR_DEFAULTS;
let folder: string;
let close: () => Promise<unknown>;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  const fastio = await startFastioEmulator();
  folder = mkdtempSync(join(tmpdir(), "relay-none-"));
  const rulesFile = join(folder, "relay.config.yaml");
  writeFileSync(rulesFile, `rules:\n  - name: all\n    when: { workspace: ${workspaceName} }\n`);
  environment = {
    FASTIO_API_URL: fastio.apiUrl,
    FASTIO_API_KEY: relayKey,
    DIFY_API_KEY: "app-key",
    DATABASE_URL: copyMadeLedger(join(folder, "data")),
    RELAY_CONFIG: rulesFile,
  };
  close = () => fastio.close();
});
afterAll(async () => {
  await close?.();
  rmSync(folder, { recursive: true, force: true });
});

const RUNS = /^(there is no run nobody|nobody {2}there is no such run)\n→ relay runs list <part of the file's name>/;
const SHARES = /^there is no share nobody, and no run of that id with a link\n→ relay shares list tells/;
const BULKS = /^there is no bulk action nobody-there\n→ relay bulk list tells/;
const RULES = /has no rule of this name; it has all\n/;

test.each([
  ["runs show nobody", RUNS],
  ["runs replay nobody", RUNS],
  ["runs cancel nobody", RUNS],
  ["runs release nobody", RUNS],
  ["runs look-again nobody", RUNS],
  ["runs answer nobody", RUNS],
  ["transfer claim-link nobody", RUNS],
  ["shares show nobody", SHARES],
  ["shares revoke nobody", SHARES],
  ["bulk show nobody-there", BULKS],
  ["bulk abort nobody-there", BULKS],
  ["rules pause nobody", RULES],
  ["rules resume nobody", RULES],
  ["rules release nobody", RULES],
  ["rules backtest --rule nobody", RULES],
  ["apps pause nobody", /there are DIFY_API_KEY\n/],
  ["apps resume nobody", /there are DIFY_API_KEY\n/],
  ["events show nobody", /^no event tells of nobody\n→ .*relay runs list/],
  ["webhooks test nobody", /there is no webhook nobody\n→ relay webhooks list/],
  ["webhooks rotate nobody", /there is no webhook nobody\n→ relay webhooks list/],
  ["webhooks delete nobody", /there is no webhook nobody\n→ relay webhooks list/],
  ["transfer delete nobody", /there is no offer nobody\n→ relay transfer list/],
])("relay %s says that there is none, and where to look", async (line, words) => {
  const { code, stdout, stderr } = await runInProcess(line.split(" "), environment);
  expect({ failed: code > 0, stdout, stderr }).toEqual({
    failed: true,
    stdout: "",
    stderr: expect.stringMatching(words),
  });
});

test("of several runs the unknown ones are told one by one, and where to look once", async () => {
  const { code, stderr } = await runInProcess(["runs", "cancel", "one", "two"], environment);
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr:
      "one  there is no such run\ntwo  there is no such run\n→ relay runs list <part of the file's name> finds it\n",
  });
});
