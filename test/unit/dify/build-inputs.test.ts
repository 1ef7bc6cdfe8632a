import { describe, expect, test } from "vitest";
import {
  type FileSource,
  type GivenInputs,
  type InputFile,
  prepareInputs,
  THE_FILE,
} from "../../../src/dify/build-inputs.ts";
import { difyFileType, fileTypeFor } from "../../../src/dify/file-type.ts";
import { findFileInput } from "../../../src/dify/find-file-input.ts";
import type { DifyInput } from "../../../src/dify/types.ts";

const input = (part: Partial<DifyInput> & Pick<DifyInput, "variable" | "type">): DifyInput => ({
  required: false,
  ...part,
});
const PDF = { name: "Contract.PDF", mimeType: "application/pdf", uploadId: "up-1" };

/** For a file that is already there. */
const buildInputs = (declared: readonly DifyInput[], given: GivenInputs, file: InputFile & FileSource) =>
  prepareInputs(declared, given, file).fill(file);

const doc = input({ variable: "doc", type: "file" });
const docs = input({ variable: "docs", type: "file-list", maxLength: 1 });

describe("the file", () => {
  const local = { type: "document", transfer_method: "local_file", upload_file_id: "up-1" };

  test("goes as one object into a file variable and as a list into a file-list", () => {
    expect(buildInputs([doc, docs], { doc: THE_FILE, docs: THE_FILE }, PDF)).toEqual({ doc: local, docs: [local] });
    expect(buildInputs([docs], { docs: [THE_FILE] }, PDF)).toEqual({ docs: [local] });
  });

  test("may be a link that Dify fetches", () => {
    const file = { name: "a.png", url: "https://files.example/a.png" };
    expect(buildInputs([doc], { doc: THE_FILE }, file)).toEqual({
      doc: { type: "image", transfer_method: "remote_url", url: file.url },
    });
  });

  test("is checked before it is uploaded", () => {
    const zip = { name: "a.zip", mimeType: "application/zip" };
    const narrow = { ...doc, allowedFileTypes: ["document", "image"], allowedFileExtensions: [] };
    expect(() => prepareInputs([narrow], { doc: THE_FILE }, zip)).toThrow(
      expect.objectContaining({ code: "dify_input_invalid", message: expect.stringContaining("document, image") }),
    );
  });

  test.each([
    { given: { doc: "text" }, fault: "doc takes the file" },
    { given: { doc: [THE_FILE, THE_FILE] }, fault: "doc takes one file" },
    { given: { docs: [THE_FILE, THE_FILE] }, fault: "docs takes 1 files at most" },
    { given: { title: THE_FILE }, fault: "title takes text-input, not a file" },
  ])("$fault", ({ given, fault }) => {
    const title = input({ variable: "title", type: "text-input" });
    expect(() => buildInputs([doc, docs, title], given, PDF)).toThrow(fault);
  });
});

describe("values", () => {
  const declared = [
    input({ variable: "topic", type: "text-input", required: true, maxLength: 5 }),
    input({ variable: "kind", type: "select", options: ["a", "b"] }),
    input({ variable: "count", type: "number" }),
    input({ variable: "deep", type: "checkbox" }),
    input({ variable: "extra", type: "json_object" }),
    input({ variable: "later", type: "colour" }),
  ];

  test("rendered texts become what the variable takes", () => {
    const given = { topic: "📚📚📚📚📚", kind: "a", count: " 2.5 ", deep: "Yes", extra: '{"x":1}', later: "red" };
    expect(buildInputs(declared, given, PDF)).toEqual({
      topic: "📚📚📚📚📚",
      kind: "a",
      count: 2.5,
      deep: true,
      extra: { x: 1 },
      later: "red",
    });
  });

  test("blank optional values are left out; an empty text is a text", () => {
    expect(buildInputs(declared, { topic: "", count: "", deep: null, kind: "" }, PDF)).toEqual({ topic: "" });
  });

  test.each([
    { written: "-3", sent: -3 },
    { written: "1.5e3", sent: 1_500 },
    { written: "9007199254740991", sent: 9_007_199_254_740_991 },
    { written: " 12345678901234567890 ", sent: "12345678901234567890" },
  ])("the number $written reaches Dify with all its digits", ({ written, sent }) => {
    expect(buildInputs(declared, { topic: "", count: written }, PDF)).toMatchObject({ count: sent });
  });

  test("numbers and booleans become texts where a text is taken", () => {
    expect(buildInputs(declared, { topic: 12 }, PDF)).toEqual({ topic: "12" });
  });

  test.each([
    { given: {}, fault: "topic is required" },
    { given: { topic: "123456" }, fault: "topic takes 5 characters at most and got 6" },
    { given: { topic: {} }, fault: "topic takes a text" },
    { given: { topic: "x", kind: "c" }, fault: "kind takes one of a, b" },
    { given: { topic: "x", count: "many" }, fault: "count takes a number" },
    { given: { topic: "x", count: "Infinity" }, fault: "count takes a number" },
    { given: { topic: "x", count: "0x10" }, fault: "count takes a number" },
    { given: { topic: "x", deep: "perhaps" }, fault: "deep takes true or false" },
    { given: { topic: "x", extra: "[1]" }, fault: "extra takes a JSON object" },
    { given: { topic: "x", tpoic: "y" }, fault: "tpoic is not an input of the app" },
    { given: JSON.parse('{"topic":"x","__proto__":"y"}'), fault: "__proto__ is not an input" },
  ])("$fault", ({ given, fault }) => {
    expect(() => buildInputs(declared, given, PDF)).toThrow(expect.objectContaining({ code: "dify_input_invalid" }));
    expect(() => buildInputs(declared, given, PDF)).toThrow(fault);
  });

  test("a list without a limit, and one whose limit is 0, take any number", () => {
    for (const maxLength of [undefined, 0]) {
      const { maxLength: _, ...rest } = docs;
      const list = { ...rest, variable: "many", required: true, ...(maxLength === undefined ? {} : { maxLength }) };
      const prepared = prepareInputs([list], { many: THE_FILE }, ...Array.from({ length: 12 }, () => PDF));
      expect(prepared.mostFiles).toBe(Number.POSITIVE_INFINITY);
    }
  });

  test("every fault is named at once", () => {
    const attempt = () => buildInputs(declared, { kind: "c", nope: 1 }, PDF);
    expect(attempt).toThrow(/nope is not.*topic is required.*kind takes one of/);
  });
});

describe("kinds of files", () => {
  test.each([
    ["a.jpg", "", "image"],
    ["a.JPEG", "", "image"],
    ["a.Pdf", "", "document"],
    ["a.mp3", "", "audio"],
    ["a.webm", "audio/webm", "video"],
    ["a.csv", "", "document"],
    ["a.zip", "application/zip", "custom"],
    ["a.json", "application/json", "custom"],
    ["README", "text/plain", "document"],
    ["scan", "image/tiff", "image"],
    ["noext", "", "custom"],
    [".md", "", "custom"],
  ])("%s (%s) is %s", (name, mime, type) => {
    expect(difyFileType(name, mime)).toBe(type);
  });

  test.each([
    { types: undefined, extensions: undefined, name: "a.zip", type: "custom" },
    { types: [], extensions: [], name: "a.pdf", type: "document" },
    { types: ["document"], extensions: [], name: "a.pdf", type: "document" },
    { types: ["custom"], extensions: [".ZIP"], name: "a.zip", type: "custom" },
    { types: ["image", "custom"], extensions: ["pdf"], name: "a.pdf", type: "custom" },
  ])("an input for $types $extensions takes $name as $type", ({ types, extensions, name, type }) => {
    const target = input({
      variable: "doc",
      type: "file",
      ...(types === undefined ? {} : { allowedFileTypes: types }),
      ...(extensions === undefined ? {} : { allowedFileExtensions: extensions }),
    });
    expect(fileTypeFor(target, { name })).toBe(type);
  });

  test.each([
    { types: ["image"], extensions: [], name: "a.pdf" },
    { types: ["custom"], extensions: ["zip"], name: "a.tar" },
    { types: ["image"], extensions: ["pdf"], name: "a.pdf" },
  ])("an input for $types $extensions refuses $name", ({ types, extensions, name }) => {
    const target = input({
      variable: "doc",
      type: "file",
      allowedFileTypes: types,
      allowedFileExtensions: extensions,
    });
    expect(() => fileTypeFor(target, { name })).toThrow(expect.objectContaining({ code: "dify_input_invalid" }));
  });
});

describe("the variable for the file", () => {
  const text = input({ variable: "t", type: "paragraph" });
  test.each([
    { inputs: [text], found: { kind: "none" } },
    { inputs: [text, docs], found: { kind: "one", input: docs } },
    { inputs: [doc, { ...docs, required: true }], found: { kind: "one", input: { variable: "docs" } } },
    { inputs: [doc, docs], found: { kind: "several", variables: ["doc", "docs"] } },
    {
      inputs: [doc, docs].map((each) => ({ ...each, required: true })),
      found: { kind: "several", variables: ["doc", "docs"] },
    },
  ])("$found.kind", ({ inputs, found }) => {
    expect(findFileInput(inputs)).toMatchObject(found);
  });
});
