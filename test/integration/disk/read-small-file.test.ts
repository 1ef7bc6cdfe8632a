import { execFileSync } from "node:child_process";
import { constants, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { readSmallFile } from "../../../src/disk/read-small-file.ts";
import { SOON } from "../../support/soon.ts";

function makePipe(): string {
  const folder = mkdtempSync(join(tmpdir(), "relay-pipe-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  return pipe;
}

/** How often this process has the file open. */
const opened = (path: string): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false; // closed meanwhile
    }
  }).length;

// Looks at /proc.
describe.skipIf(process.platform !== "linux")("a small file", () => {
  test("that is a pipe nobody writes to is empty, and nobody is waited for", async () => {
    expect(await readSmallFile(makePipe(), 10)).toHaveLength(0);
  });

  test("that is a pipe is read to its end, however late the rest comes", async () => {
    const pipe = makePipe();
    const writer = await open(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    const reading = readSmallFile(pipe, 100);
    await vi.waitFor(() => expect(opened(pipe)).toBe(2), SOON);
    await writer.write("rules:");
    await writer.write(" []");
    await writer.close();
    expect((await reading).toString()).toBe("rules: []");
  });

  test("that has no end is read as far as shows that it is too large", async () => {
    expect(await readSmallFile("/dev/zero", 10)).toHaveLength(11);
  });

  test("that is a folder, or not there, is refused", async () => {
    await expect(readSmallFile(tmpdir(), 10)).rejects.toMatchObject({ code: "EISDIR" });
    await expect(readSmallFile(join(tmpdir(), "not-there"), 10)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
