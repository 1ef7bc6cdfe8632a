import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { passOn } from "../../../src/http/pass-on.ts";
import { createPieceReader } from "../../../src/http/piece-reader.ts";

const abc = (): Readable => Readable.from(["a", "b", "c"].map((letter) => Buffer.from(letter)));

describe("passOn", () => {
  test("brings all pieces in order, with what comes before and after", async () => {
    const seen: string[] = [];
    const passed = passOn(abc(), {
      head: Buffer.from("<"),
      look: (piece) => seen.push(Buffer.from(piece).toString()),
      atEnd: () => Buffer.from(">"),
    });
    expect((await buffer(passed)).toString()).toBe("<abc>");
    expect(seen).toEqual(["a", "b", "c"]);
  });

  test.each([
    { what: "the look", wish: { look: () => raise() } },
    { what: "the end", wish: { atEnd: () => raise() } },
  ])("fails with what $what throws, and lets go of its source", async ({ wish }) => {
    const source = abc();
    await expect(buffer(passOn(source, wish))).rejects.toThrow("not this");
    expect(source.destroyed).toBe(true);
  });

  test("a source that is closed before its end is no end", async () => {
    const source = new PassThrough();
    const passing = buffer(passOn(source));
    source.write("half");
    source.destroy();
    await expect(passing).rejects.toThrow("before its end");
    await expect(buffer(passOn(source))).rejects.toThrow("before its end");
  });

  test("a source that had failed before is a failure", async () => {
    const source = new PassThrough().on("error", () => {});
    source.destroy(new Error("disk"));
    await expect(buffer(passOn(source))).rejects.toThrow("disk");
  });

  test("destroying it destroys a silent source", async () => {
    const source = new PassThrough();
    const passed = passOn(source);
    passed.resume();
    passed.destroy();
    await once(source, "close");
    expect(source.destroyed).toBe(true);
  });
});

describe("a piece reader", () => {
  test("hands out the pieces as they came, then undefined again and again", async () => {
    const reader = createPieceReader(abc());
    const pieces: (string | undefined)[] = [];
    for (let turn = 0; turn < 5; turn += 1) pieces.push((await reader.next())?.toString());
    expect(pieces).toEqual(["a", "b", "c", undefined, undefined]);
  });

  test("tells of a failure after the pieces before it", async () => {
    const source = new PassThrough();
    const reader = createPieceReader(source);
    source.write("a");
    expect((await reader.next())?.toString()).toBe("a");
    const next = reader.next();
    source.destroy(new Error("disk"));
    await expect(next).rejects.toThrow("disk");
    await expect(reader.next()).rejects.toThrow("disk");
  });
});

function raise(): never {
  throw new Error("not this");
}
