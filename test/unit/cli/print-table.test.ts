import { expect, test } from "vitest";
import { formatTable } from "../../../src/cli/print-table.ts";

const HEADER = ["RUN", "FILE", "STATUS", "SHARE"];
const ROWS = [
  ["r1", "a long name.pdf", "delivered", "https://go.fast.io/shared/a-long-address"],
  ["r22", "b.pdf", "\u001b[31mfailed\u001b[39m", ""],
];
const wide = (columns: number) => formatTable({ isWatched: true, columns }, HEADER, ROWS).split("\n");

test("a table that fits has a line for each row, and colours do not shift it", () => {
  expect(wide(80)).toEqual([
    "RUN  FILE             STATUS     SHARE",
    "───  ───────────────  ─────────  ─────",
    "r1   a long name.pdf  delivered  https://go.fast.io/shared/a-long-address",
    "r22  b.pdf            \u001b[31mfailed\u001b[39m",
  ]);
});

test("in a terminal that is too narrow, rows go on in a further line, aligned, and nothing is cut off", () => {
  expect(wide(50)).toEqual([
    "RUN  FILE             STATUS",
    "    SHARE",
    "───  ───────────────  ─────────",
    "r1   a long name.pdf  delivered",
    "    https://go.fast.io/shared/a-long-address",
    "r22  b.pdf            \u001b[31mfailed\u001b[39m",
  ]);
  for (const columns of [1, 10, 24, 44]) expect(wide(columns).join("\n")).toContain(ROWS[0]?.[3]);
});

test.each([24, 33, 44, 72])(
  "no line is wider than a terminal of %i columns that has room for the widest cell",
  (columns) => {
    const rows = [["r1", "a long name.pdf", "delivered", "20 chars of a remark"]];
    const lines = formatTable({ isWatched: true, columns }, HEADER, rows).split("\n");
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
  },
);

test("what goes into a file or a program keeps each row in its line", () => {
  expect(formatTable({ isWatched: false, columns: 20 }, HEADER, ROWS).split("\n")).toHaveLength(4);
});
