import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { passOn, watch } from "../../../src/http/pass-on.ts";

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

describe("watch", () => {
  test("looks at each piece that somebody reads, and sets nothing going", async () => {
    const source = abc();
    let seen = "";
    watch(source, (piece) => {
      seen += Buffer.from(piece).toString();
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(seen).toBe("");
    expect((await buffer(source)).toString()).toBe("abc");
    expect(seen).toBe("abc");
  });

  test("makes what it throws the failure of the stream", async () => {
    const source = abc();
    watch(source, raise);
    await expect(buffer(source)).rejects.toThrow("not this");
    expect(source.destroyed).toBe(true);
  });
});

function raise(): never {
  throw new Error("not this");
}
