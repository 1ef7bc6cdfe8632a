import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findOutputFiles } from "../../../src/dify/find-output-files.ts";
import { splitOutputs } from "../../../src/dify/split-outputs.ts";

/** As documented for workflow outputs of Dify 1.14. */
const wireFile = (part: object = {}) => ({
  dify_model_identity: "__dify__file__",
  id: null,
  type: "document",
  transfer_method: "tool_file",
  remote_url: null,
  filename: "report.pdf",
  extension: ".pdf",
  mime_type: "application/pdf",
  size: 18234,
  related_id: "5fc8b2d0",
  url: "/files/tools/5fc8b2d0.pdf?timestamp=1&nonce=2&sign=3=",
  ...part,
});

describe("output files", () => {
  test("are found at any place: as a value, in a list, deep in an object", () => {
    const outputs = {
      one: wireFile({ url: "/1" }),
      many: [wireFile({ url: "/2" }), "text", wireFile({ url: "/3" })],
      deep: { a: { b: [{ c: wireFile({ url: "/4" }) }] } },
      none: { dify_model_identity: "something else" },
    };
    expect(findOutputFiles(outputs).map((file) => file.url)).toEqual(["/1", "/2", "/3", "/4"]);
  });

  test("tell name, type and size; -1 means unknown", () => {
    expect(findOutputFiles({ f: wireFile() })).toEqual([
      { name: "report.pdf", mimeType: "application/pdf", size: 18234, url: wireFile().url },
    ]);
    expect(findOutputFiles({ f: wireFile({ size: -1 }) })[0]).not.toHaveProperty("size");
    expect(findOutputFiles({ f: wireFile({ transfer_method: "remote_url" }) })[0]).toMatchObject({ isElsewhere: true });
  });

  test("without a name are named after their extension", () => {
    expect(findOutputFiles({ f: wireFile({ filename: null }) })[0]?.name).toBe("file.pdf");
  });

  test("that were passed through by link keep that link; none at all is kept as none", () => {
    const url = "https://cdn.example/x.png";
    expect(findOutputFiles({ f: wireFile({ url: null, remote_url: url }) })[0]?.url).toBe(url);
    expect(findOutputFiles({ f: wireFile({ url: null }) })[0]?.url).toBe("");
  });

  test("that two outputs share are one", () => {
    expect(findOutputFiles({ a: wireFile(), b: [wireFile()] })).toHaveLength(1);
  });

  test("nesting without end does not exhaust the stack", () => {
    let nested: unknown = wireFile();
    for (let depth = 0; depth < 20_000; depth += 1) nested = [nested];
    expect(findOutputFiles({ nested })).toEqual([]);
    expect(splitOutputs({ nested }).values).toHaveLength(1);
  });
});

describe("splitting", () => {
  test.each([
    ["see [the contract](https://example.com/a) today", "text.md"],
    ["![a picture](https://example.com/a.png)", "text.md"],
    ["[![a picture](https://example.com/a.png)](https://example.com)", "text.md"],
    ["it is **urgent**", "text.md"],
    ["see [1] and (2)", "text.txt"],
    ["[]()", "text.txt"],
  ])("%s is handed on as %s", (text, name) => {
    expect(splitOutputs({ text }).texts).toEqual([{ variable: "text", name, text }]);
  });

  test.each([
    ["brackets that nothing closes", "["],
    ["links that nothing closes", "[a]("],
  ])("a million %s are a text like any other", (_, piece) => {
    const text = piece.repeat(1_000_000);

    expect(splitOutputs({ text }).texts[0]?.name).toBe("text.txt");
  });

  test("strings become texts, Markdown by its looks; other values become JSON; files leave them", () => {
    const split = splitOutputs({
      report: "# Title\n\n- one\n- two",
      note: "A plain sentence. With *two* of them - and a dash.",
      score: 0.5,
      parties: ["A", "B"],
      mixed: { page: 1, file: wireFile() },
      ok: false,
    });
    expect(split.files.map((file) => file.name)).toEqual(["report.pdf"]);
    expect(split.texts.map(({ name }) => name)).toEqual(["report.md", "note.txt"]);
    expect(split.values).toEqual([
      { variable: "score", name: "score.json", json: 0.5 },
      { variable: "parties", name: "parties.json", json: ["A", "B"] },
      { variable: "mixed", name: "mixed.json", json: { page: 1 } },
      { variable: "ok", name: "ok.json", json: false },
    ]);
  });

  test("nothing comes of null, of an empty text, and of what held files only", () => {
    const split = splitOutputs({ a: null, b: "", c: wireFile(), d: [wireFile({ url: "/2" })], e: { f: wireFile() } });
    expect(split.texts).toEqual([]);
    expect(split.values).toEqual([]);
    expect(split.files).toHaveLength(2);
  });

  test("an empty list or object that never held a file stays", () => {
    expect(splitOutputs({ list: [], object: {} }).values.map(({ json }) => json)).toEqual([[], {}]);
  });

  test("names do not collide, whatever their kind and case", () => {
    const split = splitOutputs({
      Report: "plain",
      report: "plain too",
      file: wireFile({ filename: "REPORT.txt" }),
    });
    const names = [...split.files.map((file) => file.name), ...split.texts.map((text) => text.name)];
    expect(names).toEqual(["REPORT.txt", "Report (2).txt", "report (3).txt"]);
  });

  test("prototype-named members are plain data", () => {
    const outputs = JSON.parse('{"__proto__": {"x": 1}, "constructor": "text"}');
    const split = splitOutputs(outputs);
    expect(split.values[0]).toMatchObject({ variable: "__proto__", json: { x: 1 } });
    expect(split.texts[0]).toMatchObject({ variable: "constructor", text: "text" });
  });

  test("any JSON is split without loss of text", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (outputs) => {
        const split = splitOutputs(outputs);
        const names = [...split.texts, ...split.values].map(({ name }) => name.toLowerCase());
        expect(new Set(names).size).toBe(names.length);
        expect(split.texts.map(({ text }) => text)).toEqual(
          Object.values(outputs).filter((value) => typeof value === "string" && value !== ""),
        );
      }),
    );
  });
});
