import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSmall } from "../../../src/ledger/small-pglite.ts";

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

test("the event loop is kept going while an embedded database opens, and no longer: else a start waits for V8's compilers", async () => {
  const folder = mkdtempSync(join(tmpdir(), "relay-small-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const before = timers();
  const opening = openSmall(join(folder, "data"));
  const meanwhile = timers();
  const pglite = await opening;
  const after = timers();
  await pglite.close();
  expect(meanwhile).toBe(before + 1);
  expect(after).toBe(before);
});
