import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { chooseChunkBytes, HELD_CHUNK_BYTES } from "../../../../src/fastio/client/chunk-size.ts";
import { createChunkSource } from "../../../../src/fastio/client/chunk-source.ts";

const MIB = 1024 * 1024;

const inPiecesOf = (bytes: Buffer, size: number): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      bytes.subarray(index * size, (index + 1) * size),
    ),
  );

describe("a chunk source", () => {
  test.each([1, 2, 3, 7, 10, 25])("cuts pieces of %d bytes into chunks of 7 without losing one", async (size) => {
    const bytes = randomBytes(25);
    const source = createChunkSource(inPiecesOf(bytes, size));
    const chunks: Buffer[] = [];
    for (let filled = 7; filled === 7; ) {
      const buffer = Buffer.alloc(7);
      filled = await source.fill(buffer);
      chunks.push(buffer.subarray(0, filled));
    }
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
    expect(await source.isSpent()).toBe(true);
    expect(source.measure()).toEqual({ size: 25, sha256: createHash("sha256").update(bytes).digest("hex") });
  });

  test("goes on after a take where it stopped", async () => {
    const source = createChunkSource(inPiecesOf(Buffer.from("abcdefghij"), 4));
    const taken: Buffer[] = [];
    for await (const piece of source.take(5)) taken.push(piece);
    expect(Buffer.concat(taken).toString()).toBe("abcde");
    expect(await source.isSpent()).toBe(false);
    const rest = Buffer.alloc(10);
    expect(await source.fill(rest)).toBe(5);
    expect(rest.toString("utf8", 0, 5)).toBe("fghij");
  });

  test("tells of a failure after the bytes before it, again and again", async () => {
    const body = new PassThrough();
    const source = createChunkSource(body);
    body.write("abc");
    expect(await source.fill(Buffer.alloc(2))).toBe(2);
    const filling = source.fill(Buffer.alloc(2));
    body.destroy(new Error("disk"));
    await expect(filling).rejects.toThrow("disk");
    await expect(source.isSpent()).rejects.toThrow("disk");
    await expect(source.take(1).toArray()).rejects.toThrow("disk");
  });

  test("a source that is closed before its end is no end", async () => {
    const body = new PassThrough();
    const source = createChunkSource(body);
    const taken = source.take(5).toArray();
    body.write("abc");
    body.destroy();
    await expect(taken).rejects.toThrow("before its end");
  });

  test("reads no further than a take is read", async () => {
    let made = 0;
    const body = Readable.from(
      (function* () {
        for (; made < 1_000; made += 1) yield Buffer.alloc(64 * 1024);
      })(),
      { objectMode: false },
    );
    const taken = createChunkSource(body).take(Number.POSITIVE_INFINITY);
    await once(taken, "readable");
    await new Promise((resolve) => setImmediate(resolve));
    expect(made).toBeLessThan(10);
    const [first] = (await taken.take(1).toArray()) as Buffer[];
    expect(first?.length).toBeGreaterThan(0);
  });

  test("leaves the rest to others when a take is given up", async () => {
    const source = createChunkSource(Readable.from([Buffer.from("abc"), Buffer.from("def")]));
    const taken = source.take(4);
    taken.destroy();
    await once(taken, "close");
    const all = Buffer.alloc(6);
    expect(await source.fill(all)).toBe(6);
    expect(all.toString()).toBe("abcdef");
  });

  test("of nothing is spent", async () => {
    const source = createChunkSource(Readable.from([]));
    expect(await source.isSpent()).toBe(true);
    expect(source.measure().size).toBe(0);
  });
});

describe("chunk size", () => {
  test.each([1, 4 * MIB, 140 * MIB, 141 * MIB, 512 * MIB, 1024 * MIB, 3_000 * MIB])(
    "keeps a file of %d bytes within 35 chunks and the service's limits",
    (size) => {
      const chunk = chooseChunkBytes(size);
      expect(Math.ceil(size / chunk)).toBeLessThanOrEqual(35);
      expect(chunk).toBeGreaterThanOrEqual(MIB);
      expect(chunk).toBeLessThanOrEqual(100_000_000);
    },
  );

  test("of half a GiB can still be held in memory", () => {
    expect(chooseChunkBytes(512 * MIB)).toBeLessThanOrEqual(HELD_CHUNK_BYTES);
  });

  test("never exceeds what the service takes, however large the file", () => {
    expect(chooseChunkBytes(50 * 1024 * MIB)).toBeLessThanOrEqual(100_000_000);
  });
});
