import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CsvStats, cleanCsv, readCsv } from "../../../../src/emulators/dify/csv.ts";
import { detectType, uploadLimit } from "../../../../src/emulators/dify/file-types.ts";
import { pythonJson } from "../../../../src/emulators/dify/python-json.ts";

async function* inPieces(text: string, size: number) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

async function readAll(text: string, size = text.length || 1) {
  const rows: string[][] = [];
  for await (const row of readCsv(inPieces(text, size))) rows.push(row);
  return rows;
}

async function clean(text: string) {
  const stats: CsvStats = {
    columns: [],
    delimiter: "",
    rowsRead: 0,
    rowsKept: 0,
    droppedEmpty: 0,
    droppedDuplicates: 0,
  };
  let output = "";
  for await (const piece of cleanCsv(inPieces(text, text.length || 1), stats)) output += piece;
  return { output, stats };
}

describe("reading a table", () => {
  test.each([
    {
      text: "a,b\n1,2\n",
      rows: [
        ["a", "b"],
        ["1", "2"],
      ],
    },
    {
      text: "a,b\r\n1,2",
      rows: [
        ["a", "b"],
        ["1", "2"],
      ],
    },
    { text: "a\rb\r", rows: [["a"], ["b"]] },
    {
      text: 'a,b\n"x, ""y""\nz",2\n',
      rows: [
        ["a", "b"],
        ['x, "y"\nz', "2"],
      ],
    },
    {
      text: "a;b\n1,5;2\n",
      rows: [
        ["a", "b"],
        ["1,5", "2"],
      ],
    },
    {
      text: "a\tb\n1\t\n",
      rows: [
        ["a", "b"],
        ["1", ""],
      ],
    },
    {
      text: 'a,b\n5" pipe,2',
      rows: [
        ["a", "b"],
        ['5" pipe', "2"],
      ],
    },
    { text: "", rows: [] },
    { text: "a\n\nb", rows: [["a"], [""], ["b"]] },
  ])("$text", async ({ text, rows }) => {
    expect(await readAll(text)).toEqual(rows);
  });

  test("does not depend on how the text is cut, beyond its first line", async () => {
    const text = 'name,amount\r\n"Gr""ace, Ada",1\r\n\r\n" x ",2';
    const rest = text.slice("name,amount".length);
    const whole = await readAll(text);
    for (let size = 1; size < 8; size += 1) {
      const rows: string[][] = [];
      async function* pieces() {
        yield "name,amount";
        yield* inPieces(rest, size);
      }
      for await (const row of readCsv(pieces())) rows.push(row);
      expect(rows).toEqual(whole);
    }
  });
});

describe("cleaning a table", () => {
  test("what is clean stays as it is", async () => {
    const cell = fc.stringMatching(/^[a-z",\n ;]{0,6}$/).map((text) => text.trim());
    const row = fc.array(cell, { minLength: 2, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 8 }), async (rows) => {
        const quoted = rows.map((cells) => cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(",")).join("\n");
        const once = await clean(`x,y\n${quoted}\n`);
        const twice = await clean(once.output);
        expect(twice.output).toBe(once.output);
        expect(twice.stats).toMatchObject({ droppedEmpty: 0, droppedDuplicates: 0 });
        const { rowsRead, rowsKept, droppedEmpty, droppedDuplicates } = once.stats;
        expect(rowsKept + droppedEmpty + droppedDuplicates).toBe(rowsRead);
      }),
    );
  });
});

test.each([
  { extension: "pdf", mimeType: "", type: "document" },
  { extension: "PDF", mimeType: "", type: "document" },
  { extension: "Pdf", mimeType: "application/octet-stream", type: "custom" },
  { extension: "bin", mimeType: "image/x-raw", type: "image" },
  { extension: "log", mimeType: "text/plain", type: "document" },
  { extension: "zip", mimeType: "application/zip", type: "custom" },
])(".$extension with $mimeType is $type", ({ extension, mimeType, type }) => {
  expect(detectType(extension, mimeType)).toBe(type);
});

test("limits go by extension", () => {
  const limits = { image: 1, audio: 2, video: 3, other: 4 };
  expect(["PNG", "mp3", "mov", "pdf", ""].map((extension) => uploadLimit(extension, limits))).toEqual([1, 2, 3, 4, 4]);
});

test("JSON as Python writes it", () => {
  expect(pythonJson({ a: [1, "ü😀"], b: { c: null, d: undefined }, e: true })).toBe(
    '{"a": [1, "\\u00fc\\ud83d\\ude00"], "b": {"c": null}, "e": true}',
  );
});
