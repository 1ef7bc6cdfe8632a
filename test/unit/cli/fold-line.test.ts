import { expect, test } from "vitest";
import { foldLine } from "../../../src/cli/fold-line.ts";

const PROSE = "ok      ledger [.relay/data]: is made at the first start";

test("prose is broken between words in a terminal, less what stands before each line, and nowhere else", () => {
  expect(foldLine({ isWatched: true, columns: 40 }, PROSE, "        ")).toEqual([
    "ok      ledger [.relay/data]: is made at",
    "        the first start",
  ]);
  expect(foldLine({ isWatched: true, columns: 43 }, PROSE, "", 3)).toHaveLength(2);
  expect(foldLine({ isWatched: false, columns: 40 }, PROSE, "")).toEqual([PROSE]);
});
