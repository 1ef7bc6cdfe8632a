import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { TransientError } from "../../../../src/errors.ts";
import { type OpenAt, type Opened, steadyStream } from "../../../../src/fastio/client/steady-stream.ts";

const signal = new AbortController().signal;
const content = Buffer.from("0123456789abcdefghijklmnopqrstuvwxyz");
const sha256 = createHash("sha256").update(content).digest("hex");
const lost = () => new TransientError("connection_lost", "cut");

/** Each opening gives `bytes` more bytes and then breaks, unless it reaches the end. */
function breaking(
  bytes: number,
  options: { ranges: boolean; later?: Buffer; tag?: string; laterTag?: string; saysRanges?: boolean },
) {
  const opened: number[] = [];
  const openAt: OpenAt = async (from) => {
    opened.push(from);
    const source = opened.length === 1 ? content : (options.later ?? content);
    const start = options.ranges ? from : 0;
    const end = Math.min(source.length, Math.max(start, from) + bytes);
    async function* pieces(): AsyncGenerator<Buffer> {
      for (let at = start; at < end; at += 3) yield source.subarray(at, Math.min(end, at + 3));
      if (end < source.length) throw lost();
    }
    const one: Opened = {
      body: Readable.from(pieces()),
      from: start,
      size: source.length,
      mimeType: undefined,
      knowsRanges: options.saysRanges ?? options.ranges,
      tag: opened.length === 1 ? options.tag : (options.laterTag ?? options.tag),
    };
    return one;
  };
  const start = async (wish: { from?: number; sha256?: string } = {}) => {
    const from = wish.from ?? 0;
    const first = await openAt(from, undefined, signal);
    return buffer(steadyStream({ openAt, first, from, sha256: wish.sha256, operation: "read" }, signal));
  };
  return { opened, start };
}

describe("a transfer that breaks", () => {
  test.each([1, 2, 3, 5, 7, 100])("every %d bytes comes whole from a server with ranges", async (bytes) => {
    const { start } = breaking(bytes, { ranges: true });
    expect(await start({ sha256 })).toEqual(content);
  });

  test.each([2, 5, 20])("every %d bytes comes whole from a server without ranges", async (bytes) => {
    const { start } = breaking(bytes, { ranges: false });
    expect(await start({ sha256 })).toEqual(content);
  });

  test("goes on from where it was asked to begin", async () => {
    const { start, opened } = breaking(4, { ranges: true });
    expect(await start({ from: 20 })).toEqual(content.subarray(20));
    expect(opened[0]).toBe(20);
    const without = breaking(4, { ranges: false });
    expect(await without.start({ from: 20 })).toEqual(content.subarray(20));
  });

  test("fails when another content of the same size comes from the beginning", async () => {
    const later = Buffer.from(content.toString().toUpperCase());
    const { start } = breaking(15, { ranges: false, later });
    await expect(start()).rejects.toMatchObject({ code: "download_changed" });
  });

  test("fails when the content has another size or tag by then", async () => {
    const longer = breaking(5, { ranges: true, later: Buffer.concat([content, content]) });
    await expect(longer.start()).rejects.toMatchObject({ code: "download_changed" });
    const tagged = breaking(5, { ranges: true, tag: '"a"', laterTag: '"b"' });
    await expect(tagged.start()).rejects.toMatchObject({ code: "download_changed" });
  });

  test("fails when a server that says it knows ranges begins anew", async () => {
    const { start } = breaking(15, { ranges: false, saysRanges: true });
    await expect(start()).rejects.toMatchObject({ code: "download_changed", retryable: true });
  });

  test("fails with the break itself when nothing comes any more", async () => {
    const { start, opened } = breaking(0, { ranges: true });
    await expect(start()).rejects.toMatchObject({ code: "connection_lost" });
    expect(opened).toHaveLength(4);
  });

  test("fails when the whole has another hash", async () => {
    const { start } = breaking(100, { ranges: true });
    await expect(start({ sha256: "00".repeat(32) })).rejects.toMatchObject({ code: "hash_mismatch", retryable: true });
  });
});
