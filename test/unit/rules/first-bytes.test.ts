import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HEAD_BYTES, readFirstBytes } from "../../../src/rules/first-bytes.ts";
import { readMediaType } from "../../../src/rules/media-type.ts";

const bytes = (...parts: readonly (string | readonly number[])[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part))));

const PNG = bytes([0x89], "PNG\r\n", [0x1a, 0x0a, 0, 0, 0, 13], "IHDR", Array(20).fill(0), "IDAT");
const PDF = bytes("%PDF-1.7\n%", [0xe2, 0xe3, 0xcf, 0xd3]);
const ZIP = bytes("PK", [3, 4, 20, 0, 0, 0, 0, 0], Array(40).fill(0));

describe("the first bytes of a file tell", () => {
  test.each([
    ["a PNG", PNG, { kind: "format", mimeType: "image/png", extension: "png" }],
    ["a PDF", PDF, { kind: "format", mimeType: "application/pdf", extension: "pdf" }],
    ["text in UTF-8", Buffer.from("Straße;1\nЮ;2\n"), { kind: "text" }],
    ["text in Latin 1", bytes("Stra", [0xdf], "e;1\r\n"), { kind: "text" }],
    ["text cut off inside a character", Buffer.from("aЮ").subarray(0, 2), { kind: "text" }],
    ["nothing of a made-up format", bytes([0, 1, 2, 3], "data"), { kind: "unknown" }],
    ["nothing of an empty file", new Uint8Array(), { kind: "unknown" }],
  ])("%s", async (_, head, told) => {
    expect(await readFirstBytes(head)).toEqual(told);
  });

  test("whatever they are, and wherever they are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(new Uint8Array(), PNG, PDF, ZIP),
        fc.uint8Array({ maxLength: 400 }),
        fc.nat(500),
        async (start, rest, cut) => {
          const head = Buffer.concat([start, rest]).subarray(0, Math.min(cut, HEAD_BYTES));
          expect(["format", "text", "unknown"]).toContain((await readFirstBytes(head)).kind);
        },
      ),
    );
  });
});

describe("type, name and first bytes together", () => {
  test.each([
    // Where type and name agree nobody reads anything.
    ["a.pdf", "application/pdf", undefined, ["application/pdf"]],
    ["a.wav", "audio/x-wav", undefined, ["audio/x-wav"]],
    ["scan", "image/png", undefined, ["image/png"]],
    ["a.xml", "text/xml", undefined, ["text/xml"]],
    // Else the bytes decide.
    ["a.png", "application/pdf", PNG, ["image/png"]],
    ["scan", "application/octet-stream", PDF, ["application/pdf"]],
    ["a.pdf", undefined, ZIP, ["application/zip"]],
    ["a.pdf", "application/octet-stream", bytes("only text"), ["text/plain"]],
    ["a.csv", "application/octet-stream", bytes("a,b\n"), ["text/csv"]],
    ["a.pdf", "application/octet-stream", bytes([0, 1, 2]), []],
    ["a.docx", undefined, ZIP, ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"]],
    ["a.jar", "application/octet-stream", ZIP, ["application/java-archive"]],
  ])("%s said to be %s is found out", async (fileName, mimeType, head, types) => {
    const firstBytes = head === undefined ? undefined : await readFirstBytes(head);
    expect(readMediaType({ fileName, mimeType, firstBytes })).toMatchObject({ types, certain: true });
    expect(readMediaType({ fileName, mimeType }).certain).toBe(head === undefined);
  });
});
