import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nameWith, safeFileName, uniqueNames } from "../../../src/dify/safe-file-name.ts";

describe("a safe name", () => {
  test.each([
    ["report.pdf", "report.pdf"],
    ["Bücher – 本 📚.md", "Bücher – 本 📚.md"],
    ["../../etc/passwd", ".._.._etc_passwd"],
    ["C:\\temp\\x.txt", "C:_temp_x.txt"],
    ["a\u0000b\r\nc", "a_b__c"],
    ["invoice\u202Egpj.exe", "invoicegpj.exe"],
    ["a\u200Bb\uFEFFc\u2066d", "abcd"],
    ["ends with dots. . .", "ends with dots"],
    ["  padded  ", "padded"],
    [".", "file"],
    ["..", "file"],
    ["", "file"],
    ["\u200B", "file"],
    [".gitignore", ".gitignore"],
    ["half \uD83D pair", "half _ pair"],
    ["e\u0301", "é"],
    ["e\u034F\u0301", "é"],
  ])("%j becomes %j", (name, safe) => {
    expect(safeFileName(name)).toBe(safe);
  });

  test("a long name keeps its extension", () => {
    const name = safeFileName(`${"x".repeat(400)}.docx`);
    expect(name).toHaveLength(255);
    expect(name.endsWith("x.docx")).toBe(true);
  });

  test("a cut never leaves half a character", () => {
    const name = safeFileName(`a${"📚".repeat(200)}.md`);
    expect(name.length).toBeLessThanOrEqual(255);
    expect(name).not.toMatch(/\p{Cs}/u);
  });

  test("whatever comes in, Fast.io takes what comes out", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (name) => {
        const safe = safeFileName(name);
        expect(safe.length).toBeGreaterThanOrEqual(1);
        expect(safe.length).toBeLessThanOrEqual(255);
        expect(safe).not.toMatch(/[/\\\p{Cc}\p{Cs}\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]/u);
        expect(safe).not.toMatch(/[ .]$/);
        expect(safeFileName(safe)).toBe(safe);
      }),
    );
  });
});

describe("a name with something behind it", () => {
  test("keeps that whole, and is cut where both are too long", () => {
    expect(nameWith("Report", " (a1b2c3d4)")).toBe("Report (a1b2c3d4)");
    const long = nameWith("x".repeat(255), " (a1b2c3d4)");
    expect(long).toBe(`${"x".repeat(244)} (a1b2c3d4)`);
    expect(safeFileName(long)).toBe(long);
    expect(nameWith("📚".repeat(128), " (a1b2c3d4)")).not.toMatch(/\p{Cs}/u);
  });
});

describe("unique names", () => {
  test("equal names are numbered before the extension, letter case aside", () => {
    expect(uniqueNames(["a.md", "A.md", "a.md", "b", "b"])).toEqual(["a.md", "A (2).md", "a (3).md", "b", "b (2)"]);
  });

  test("a number that is taken already is skipped", () => {
    expect(uniqueNames(["a (2).md", "a.md", "a.md"])).toEqual(["a (2).md", "a.md", "a (3).md"]);
  });

  test("names of full length stay within the limit", () => {
    const long = `${"x".repeat(252)}.md`;
    const names = uniqueNames([long, long, long]);
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(255);
  });

  test("thousands of equal names are numbered in no time", () => {
    const names = uniqueNames(Array.from({ length: 20_000 }, () => "same.txt"));
    expect(names.at(-1)).toBe("same (20000).txt");
  });

  test("any names come out different", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "A", "a (2)", "a (3)", "b.c", "b (2).c")), (names) => {
        const unique = uniqueNames(names).map((name) => name.toLowerCase());
        expect(new Set(unique).size).toBe(names.length);
      }),
    );
  });
});
