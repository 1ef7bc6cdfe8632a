import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { type BlobStore, BlobTooLargeError, createBlobStore } from "../../../../src/emulators/kit/blob-store.ts";
import { createRandom } from "../../../../src/emulators/kit/random.ts";

let store: BlobStore;
beforeEach(async () => {
  const random = createRandom("blobs");
  store = await createBlobStore({ newId: () => random.hex(12) });
});
afterEach(() => store.close());

async function* pieces(...parts: string[]) {
  for (const part of parts) yield Buffer.from(part);
}

test("a content keeps its bytes, size and hash", async () => {
  const blob = await store.put(pieces("abc", "def"));
  expect(blob).toMatchObject({ size: 6, sha256: createHash("sha256").update("abcdef").digest("hex") });
  expect(await text(store.open(blob.key))).toBe("abcdef");
  expect(await store.hash(blob.key, "md5")).toBe(createHash("md5").update("abcdef").digest("hex"));
});

test.each([
  { range: { start: 1, end: 2 }, expected: "bc" },
  { range: { start: 5, end: 5 }, expected: "f" },
  { range: { start: 0, end: -1 }, expected: "" },
])("a range is inclusive: $range", async ({ range, expected }) => {
  const blob = await store.put(pieces("abcdef"));
  expect(await text(store.open(blob.key, range))).toBe(expected);
});

test("contents join in the order given", async () => {
  const first = await store.put(pieces("one "));
  const second = await store.put(pieces("two"));
  const joined = await store.concat([first.key, second.key, first.key]);
  expect(await text(store.open(joined.key))).toBe("one twoone ");
});

test("a content past its limit is refused and not kept, and its source is read to the end", async () => {
  let read = 0;
  async function* source() {
    for (const part of ["abc", "def", "ghi"]) {
      read += 1;
      yield Buffer.from(part);
    }
  }
  await expect(store.put(source(), { maxBytes: 5 })).rejects.toThrow(BlobTooLargeError);
  expect(read).toBe(3);
});

test("an empty content is a content", async () => {
  const blob = await store.put(pieces());
  expect(blob.size).toBe(0);
  expect(await text(store.open(blob.key))).toBe("");
  expect(await store.has(blob.key)).toBe(true);
  await store.remove(blob.key);
  expect(await store.has(blob.key)).toBe(false);
});

test("a folder that a killed process left behind is removed at the next start, and no other", async () => {
  const within = mkdtempSync(join(tmpdir(), "emulators-"));
  onTestFinished(() => rmSync(within, { recursive: true, force: true }));
  const { pid: gone } = spawnSync(process.execPath, ["--version"]);
  const twoHoursAgo = new Date(Date.now() - 2 * 3_600_000);
  const leave = (name: string, touched: Date): void => {
    mkdirSync(join(within, name));
    writeFileSync(join(within, name, "content"), "x");
    utimesSync(join(within, name), touched, touched);
  };
  leave(`emulator-${gone}-old`, twoHoursAgo);
  leave(`emulator-${gone}-young`, new Date());
  leave(`emulator-${process.pid}-ours`, twoHoursAgo);
  leave("emulator-of-somebody", twoHoursAgo);
  const next = await createBlobStore({ newId: () => "one", within });
  const made = readdirSync(within);
  await next.close();
  const kept = readdirSync(within);
  expect(made).toHaveLength(kept.length + 1);
  expect(kept.sort()).toEqual(
    [`emulator-${gone}-young`, `emulator-${process.pid}-ours`, "emulator-of-somebody"].sort(),
  );
});
