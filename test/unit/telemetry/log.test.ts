import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { createLog, type LogFormat } from "../../../src/telemetry/log.ts";
import { SOON } from "../../support/soon.ts";

function openLog(format?: LogFormat) {
  const folder = mkdtempSync(join(tmpdir(), "relay-log-"));
  const file = join(folder, "log");
  const descriptor = openSync(file, "w");
  onTestFinished(() => {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  });
  /** Lines are written together, a moment later. */
  const text = (): Promise<string> =>
    vi.waitFor(() => {
      const told = readFileSync(file, "utf8");
      expect(told).toMatch(/\n$/);
      return told;
    }, SOON);
  return { log: createLog("debug", descriptor, format), text };
}

test("what strangers send stays within its line, whatever it holds", async () => {
  const { log, text } = openLog();
  const hostile = 'a"}\n{"level":"error","event":"forged"}\r\n\u001b[2J\u0000\u0007';
  log.info("delivery.refused", { reason: hostile });
  const line = await text();
  expect(line.trimEnd().split("\n")).toHaveLength(1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(line.trimEnd()).not.toMatch(/[\u0000-\u001f]/);
  expect(JSON.parse(line)).toMatchObject({ event: "delivery.refused", level: "info", reason: hostile });
});

test("what a terminal would obey, or what hides or turns a name around, is escaped in a line and is still in it", async () => {
  const { log, text } = openLog();
  const hostile = "für\u009b2J\u009d0;title\u009c invoice\u202efdp.exe\u200b\u007f";
  log.warn("run.failed", { file: hostile });
  const line = await text();
  expect(line).toContain("für");
  expect(line.replace("für", "")).toMatch(/^[ -~]*\n$/);
  expect(JSON.parse(line)).toMatchObject({ file: hostile });
});

test("fields that hold secrets are left blank, on the line itself and one below", async () => {
  const { log, text } = openLog();
  log.warn("x", { token: "t0p", url: "https://signed", at: { password: "t0p", apiKey: "t0p", authorization: "t0p" } });
  const line = await text();
  expect(line).not.toMatch(/t0p|signed/);
  expect(JSON.parse(line)).toMatchObject({ token: "[redacted]", at: { password: "[redacted]" } });
});

test("the text for people leaves the same blank", async () => {
  const { log, text } = openLog({ hasColour: false });
  log.child({ caller: "agent-a" }).warn("x.y", { token: "t0p", at: { password: "t0p" }, left: 3 });
  expect(await text()).toMatch(
    /^\d\d:\d\d:\d\d warn {2}x\.y {2}caller=agent-a {2}token=\[redacted\] {2}at\.password=\[redacted\] {2}left=3\n$/,
  );
});

test.skipIf(!existsSync("/dev/full"))("a disk that is full ends the log, and not the process", async () => {
  const descriptor = openSync("/dev/full", "w");
  onTestFinished(() => closeSync(descriptor));
  const log = createLog("info", descriptor);
  for (let turn = 0; turn < 3; turn += 1) {
    log.info("relay.started");
    // An error that nobody heard would come up here, and fail the test run.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  }
  expect(() => log.info("relay.stopped")).not.toThrow();
});
