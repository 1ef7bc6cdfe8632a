import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { measurePart } from "../../bench/frame/measure.ts";
import { readOptions } from "../../bench/frame/options.ts";
import { printNumber, printPage, printPlain } from "../../bench/frame/page.ts";
import type { Part } from "../../bench/frame/part.ts";
import { mergePart, type PartRecord, printRecord, readRecord, writeWhole } from "../../bench/frame/record.ts";
import { PARTS } from "../../bench/parts.ts";

const MADE = {
  commit: "0123456789ab",
  machine: { system: "Debian", processor: "x", cores: 2, memoryGiB: 8, node: "24.1.0", postgres: "15.4", redis: null },
};
const recordOf = (name: string, more: Partial<PartRecord> = {}): PartRecord => ({
  name,
  description: `What ${name} measures.`,
  date: "2026-11-22T15:00:00.000Z",
  ...MADE,
  seconds: 12.3,
  loadBefore: 0.5,
  rows: [],
  faults: [],
  leftOut: [],
  ...more,
});

const partOf = (run: Part["run"]): Part => ({ name: "made-up", description: "Made up.", minutes: 1, run });
const STORES = {
  names: ["pglite"] as const,
  open: () => Promise.reject(new Error("none")),
  close: async () => undefined,
};
type Wish = Parameters<typeof measurePart>[1];
const ASKED: Wish = { quick: false, size: undefined, seconds: undefined, rounds: undefined };
const measured = (run: Part["run"], asked: Wish = ASKED): Promise<PartRecord> =>
  measurePart(partOf(run), asked, STORES, MADE, () => {});

describe("a part", () => {
  test("its rows are judged by what is wanted, at the border too", async () => {
    const { rows } = await measured(async () => [
      { what: "fast enough", value: 0.5, unit: "×", wanted: { atLeast: 0.5 } },
      { what: "too slow", value: 0.49, unit: "×", wanted: { atLeast: 0.5 } },
      { what: "soon enough", value: 10, unit: "ms", wanted: { atMost: 10 } },
      { what: "too late", value: 10.1, unit: "ms", wanted: { atMost: 10 } },
      { what: "not judged", value: 3, unit: "" },
    ]);
    expect(rows.map(({ reached }) => reached)).toEqual([true, false, true, false, undefined]);
  });

  test("what could not be computed is not reached, and can be written as JSON", async () => {
    const { rows } = await measured(async () => [{ what: "x", value: Number.NaN, unit: "", wanted: { atLeast: 0 } }]);
    expect(rows).toEqual([{ what: "x", value: null, unit: "", wanted: { atLeast: 0 }, reached: false }]);
  });

  test("one that throws is at fault, and ends no other", async () => {
    const { faults, rows } = await measured(() => Promise.reject(new Error("no such thing")));
    expect(faults).toEqual(["it could not be measured: no such thing"]);
    expect(rows).toEqual([]);
  });

  test("sizes are those of the command line, else its own", async () => {
    const sizes: number[] = [];
    const run: Part["run"] = async ({ size }) => {
      sizes.push(size({ normal: 1_000, quick: 10 }));
      return [];
    };
    await measured(run);
    await measured(run, { ...ASKED, quick: true });
    await measured(run, { ...ASKED, quick: true, size: 77 });
    expect(sizes).toEqual([1_000, 10, 77]);
  });
});

describe("the record", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "relay-record-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("what is written is read again, and before the first time there is nothing", () => {
    const file = join(folder, "proof", "bench.json");
    expect(readRecord(file)).toEqual({ parts: [] });
    const record = { parts: [recordOf("ingest", { rows: [{ what: "x", value: null, unit: "", spread: [1, 2] }] })] };
    writeWhole(file, printRecord(record));
    expect(readRecord(file)).toEqual(record);
    expect(readFileSync(file, "utf8").endsWith("}\n")).toBe(true);
  });

  test("a file that is none of ours is not written over", () => {
    const file = join(folder, "bench.json");
    writeWhole(file, '{"parts":[{"name":"x"}]}');
    expect(() => readRecord(file)).toThrow();
  });

  test("a part that is measured again replaces its figures; others keep theirs, with date and commit", () => {
    const before = { parts: [recordOf("b", { commit: "old" }), recordOf("a", { commit: "old" }), recordOf("gone")] };
    const after = mergePart(before, recordOf("b", { commit: "new" }), ["a", "b"]);
    expect(after.parts.map(({ name, commit }) => `${name} ${commit}`)).toEqual(["a old", "b new", "gone 0123456789ab"]);
  });
});

describe("the page", () => {
  const record = {
    parts: [
      recordOf("ingest", {
        rows: [
          {
            what: "whole | by verify",
            value: 0.5123,
            unit: "×",
            spread: [0.49, 0.53],
            wanted: { atLeast: 0.5 },
            reached: true,
          },
          { what: "slow", value: 1_234.5, unit: "ms", wanted: { atMost: 50 }, reached: false, note: "a busy day" },
        ],
        faults: ["1 delivery lost"],
        leftOut: ["Redis (not found)"],
      }),
      recordOf("pages"),
    ],
  };

  test("tells of each part when, of which commit and where, and of each row what was wanted and whether it is so", () => {
    const page = printPage(record);
    expect(page).toContain("1 of 2 are reached.");
    expect(page).toContain("| whole \\| by verify | 0.512 × | 0.490 – 0.530 | ≥ 0.500 × | yes |");
    expect(page).toContain("| slow | 1,235 ms |  | ≤ 50 ms | **no** |");
    expect(page).toContain("- slow: a busy day");
    expect(page).toContain("2026-11-22 15:00 UTC, commit 0123456789ab, 12 s. 2 cores");
    expect(page).toContain("Node 24.1.0, PostgreSQL 15.4.");
  });

  test("what was left out and what was wrong stand on it, and in the terminal", () => {
    for (const text of [printPage(record), printPlain(record.parts[0] ?? recordOf("none"))]) {
      expect(text).toMatch(/wrong:\**\s*1 delivery lost/i);
      expect(text).toMatch(/left out: Redis \(not found\)/i);
    }
  });

  test.each([
    [12_345.6, "12,346"],
    [12.34, "12.3"],
    [1, "1"],
    [1.234, "1.23"],
    [0.2204, "0.220"],
    [null, "–"],
  ])("%s is printed as %s", (value, text) => {
    expect(printNumber(value)).toBe(text);
  });
});

describe("the command line", () => {
  const parts = [partOf(async () => []), { ...partOf(async () => []), name: "other" }];
  const asked = (...args: string[]) => readOptions(args, parts);

  test("without a name all parts are measured and written", () => {
    expect(asked()).toMatchObject({ kind: "measure", options: { parts, write: true, quick: false } });
  });

  test("names choose, --skip leaves out, and a quick look writes nothing", () => {
    expect(asked("other", "--quick")).toMatchObject({ options: { parts: [parts[1]], write: false, quick: true } });
    expect(asked("--skip", "other")).toMatchObject({ options: { parts: [parts[0]] } });
    expect(asked("--no-write", "--seconds", "600")).toMatchObject({ options: { write: false, seconds: 600 } });
  });

  test.each([
    [["nothing"], "no such part: nothing (there are made-up, other)"],
    [["--skip", "nothing"], "no such part: nothing (there are made-up, other)"],
    [["--seconds", "0"], "--seconds takes a whole number above 0, not 0"],
    [["--size", "1e3"], "--size takes a whole number above 0, not 1e3"],
  ])("%j is wrong", (args, message) => {
    expect(asked(...args)).toEqual({ kind: "wrong", message });
  });

  test("what nobody knows is wrong too", () => {
    expect(asked("--fast").kind).toBe("wrong");
  });
});

test("parts of the suite have names of their own", () => {
  const names = PARTS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});
