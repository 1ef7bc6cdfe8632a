import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const OPENS_ONE = fileURLToPath(new URL("./open-small.ts", import.meta.url));

test("the event loop is kept going while an embedded database opens, and no longer: else a start waits for V8's compilers", async () => {
  const folder = mkdtempSync(join(tmpdir(), "relay-small-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  // In a process of its own: around a test there are timers of others.
  const { stdout } = await promisify(execFile)(process.execPath, [OPENS_ONE, join(folder, "data")]);
  expect(JSON.parse(stdout)).toEqual({ before: 0, meanwhile: 1, after: 0 });
});
