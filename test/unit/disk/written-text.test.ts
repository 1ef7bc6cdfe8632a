import { describe, expect, test } from "vitest";
import { textOfFile } from "../../../src/disk/written-text.ts";

const TEXT = "PORT=18999\nNAME=Größe 漢字 🎉\n";
const utf16 = Buffer.from(`\ufeff${TEXT}`, "utf16le");

describe("a file that a person wrote", () => {
  test.each([
    { as: "UTF-8", bytes: Buffer.from(TEXT) },
    { as: "UTF-8 behind a byte order mark", bytes: Buffer.from(`\ufeff${TEXT}`) },
    { as: "UTF-16 as Windows writes it", bytes: utf16 },
    { as: "UTF-16 the other way round", bytes: Buffer.from(utf16).swap16() },
  ])("is read as it was meant, written in $as", ({ bytes }) => {
    expect(textOfFile(bytes)).toBe(TEXT);
  });

  test("may be empty, or end within its first letter", () => {
    expect(textOfFile(Buffer.alloc(0))).toBe("");
    expect(textOfFile(Buffer.from([0xff]))).toBe("\ufffd");
  });
});
