import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MIME_GLOB, NAME_GLOB, PATH_GLOB } from "../../../src/rules/fields.ts";
import { belowToo, type GlobOptions, parseGlob } from "../../../src/rules/glob.ts";

function matches(pattern: string, text: string, options: GlobOptions): boolean {
  const read = parseGlob(pattern, options);
  if (read.kind === "fault") throw new Error(`${pattern} ${read.message}`);
  return read.matches(text);
}

describe("path globs", () => {
  test.each([
    ["/Inbox", ["/Inbox", "/Inbox/"], ["/", "/Inbox/a", "/inbox", "/Inbox2"]],
    ["/Inbox/", ["/Inbox"], ["/Inbox/a"]],
    ["/Inbox/**", ["/Inbox", "/Inbox/a", "/Inbox/a/b", "/Inbox/.hidden"], ["/", "/Inboxes", "/a/Inbox"]],
    ["/Inbox/*", ["/Inbox/a"], ["/Inbox", "/Inbox/a/b"]],
    ["/**", ["/", "/a", "/a/b"], []],
    ["/", ["/"], ["/a"]],
    ["/**/Done", ["/Done", "/a/Done", "/a/b/Done"], ["/Done/a", "/Undone"]],
    ["/a/**/b/**/c", ["/a/b/c", "/a/x/b/b/y/c"], ["/a/c/b", "/a/b"]],
    ["/{In,Out}box/20??", ["/Inbox/2026", "/Outbox/2025"], ["/Inbox/202", "/box/2026"]],
    ["{/A,/B}/**", ["/A", "/B/c"], ["/C"]],
    ["/Plan [[]1]", ["/Plan [1]"], ["/Plan 1"]],
    ["/Plan \\[1\\] \\*", ["/Plan [1] *"], ["/Plan [1] x"]],
  ])("%s", (pattern, wanted, unwanted) => {
    expect(wanted.filter((path) => !matches(pattern, path, PATH_GLOB))).toEqual([]);
    expect(unwanted.filter((path) => matches(pattern, path, PATH_GLOB))).toEqual([]);
  });
});

describe("with all that is below", () => {
  test.each([
    ["/a", "/a/**"],
    ["/a//", "/a/**"],
    ["/a/**", "/a/**"],
    ["/a/**/", "/a/**"],
    ["/a//**//**/", "/a/**"],
    ["/a**", "/a**/**"],
    ["/", "/**"],
    ["/**", "/**"],
  ])("%s is %s", (pattern, below) => {
    expect(belowToo(pattern)).toBe(below);
  });

  test("a hundred slashes before a name are a pattern like any other", () => {
    expect(belowToo(`${"/".repeat(100)}a`)).toBe(`${"/".repeat(100)}a/**`);
  });
});

describe("name globs", () => {
  test.each([
    ["*.pdf", ["a.pdf", "A.PDF", ".pdf", "a/b.pdf"], ["a.pdfx", "pdf"]],
    ["*.{pdf,do{c,cx}}", ["a.pdf", "a.doc", "a.docx"], ["a.do", "a.xls"]],
    ["report-[0-9][!x].csv", ["report-1a.csv", "REPORT-19.csv"], ["report-1x.csv", "report-aa.csv"]],
    ["*invoice*2026*", ["My Invoice of 2026.pdf"], ["2026 invoice"]],
    ["?.txt", ["a.txt", "💡.txt"], ["ab.txt", ".txt"]],
    ["*", ["", "anything\nat all"], []],
    ["Übung*", ["U\u0308bung 1.pdf", "übung"], ["Ubung"]],
  ])("%s", (pattern, wanted, unwanted) => {
    expect(wanted.filter((name) => !matches(pattern, name, NAME_GLOB))).toEqual([]);
    expect(unwanted.filter((name) => matches(pattern, name, NAME_GLOB))).toEqual([]);
  });

  test("media types are names with a slash", () => {
    expect(matches("application/*", "Application/PDF", MIME_GLOB)).toBe(true);
    expect(matches("application/*", "text/plain", MIME_GLOB)).toBe(false);
  });
});

test("a name made to hurt is answered at once", () => {
  const pattern = `${"*a".repeat(200)}*b`;
  const startedMs = performance.now();
  expect(matches(pattern, "a".repeat(5_000), NAME_GLOB)).toBe(false);
  expect(matches(`/${"**/a/".repeat(90)}b`, "/a".repeat(2_000), PATH_GLOB)).toBe(false);
  expect(performance.now() - startedMs).toBeLessThan(3_000);
});

test("braces that multiply are refused", () => {
  expect(parseGlob("{a,b}".repeat(30), NAME_GLOB)).toEqual({
    kind: "fault",
    message: "stands for more than 64 alternatives",
  });
});

test("reading and matching arbitrary text ends without throwing, and the same each time", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab*?[]{},!-\\/.") }), fc.string(), (pattern, text) => {
      for (const options of [NAME_GLOB, PATH_GLOB]) {
        const read = parseGlob(pattern, options);
        if (read.kind === "fault") expect(read.message).not.toBe("");
        else expect(read.matches(text)).toBe(read.matches(text));
      }
    }),
  );
});

test("text with its wildcards escaped matches itself and nothing longer", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (text) => {
      const read = parseGlob(text.replace(/[*?[\]{}!\\(),]/g, "\\$&"), NAME_GLOB);
      expect(read.kind === "glob" && read.matches(text)).toBe(true);
      expect(read.kind === "glob" && read.matches(`${text}x`)).toBe(false);
    }),
  );
});

test.each(["*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "{a,aa}*{a,aa}*{a,aa}*{a,aa}*{a,aa}*b", "*?*?*?*?*?*?*?*?b"])(
  "%s looks at a long name once, however it was chosen",
  (pattern) => {
    const startedMs = performance.now();
    expect(matches(pattern, "a".repeat(4_000), NAME_GLOB)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  },
);
