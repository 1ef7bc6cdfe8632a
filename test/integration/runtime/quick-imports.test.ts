import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { relayEnvironment } from "../../support/relay-environment.ts";

const COMPARER = fileURLToPath(new URL("../../support/compare-imports.ts", import.meta.url));

test("what is not looked up is found where Node would find it, and is nearly all; what nobody asks for is not loaded", async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [COMPARER], { env: relayEnvironment({}) });
  const { asked, answered, different, left, loaded } = JSON.parse(stdout);
  // Packages still ask for each of these, or the rule for it may go.
  expect(left).toEqual([expect.stringMatching(/^cron-parser\//), "zod/v4/locales/index.js"]);
  expect(loaded).not.toContainEqual(expect.stringMatching(/^(luxon\/|undici\/(index\.js$|lib\/(web|mock)\/))/));
  expect(different).toEqual([]);
  expect(asked).toBeGreaterThan(2_000);
  expect(answered / asked).toBeGreaterThan(0.5);
});
