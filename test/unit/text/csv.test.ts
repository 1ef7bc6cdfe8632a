import { expect, test } from "vitest";
import { csvLine } from "../../../src/text/csv.ts";

test("every cell is quoted, and quotes, commas and line ends stay inside", () => {
  expect(csvLine(["a", 'say "hi"', "x,y", "two\r\nlines", 3, null])).toBe(
    '"a","say ""hi""","x,y","two\r\nlines","3",""\r\n',
  );
});

test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "＠x"])(
  "%j is text to a spreadsheet",
  (cell) => {
    expect(csvLine([cell])).toBe(`"'${cell}"\r\n`);
  },
);

test.each(["a=1", "2026-11-22", "plain", "'quoted"])("%j stays as it is", (cell) => {
  expect(csvLine([cell])).toBe(`"${cell}"\r\n`);
});
