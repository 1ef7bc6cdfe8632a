import { stripVTControlCharacters } from "node:util";
import type { CliContext } from "./context.ts";

/** Where a table goes: it has to fit into a terminal, and into nothing else. */
export type TableRoom = Pick<CliContext, "isWatched" | "columns">;

/** Stands over the last column of a list of runs: where the outputs are, else what is wrong or what it is at. */
export const SHARE_OR_NOTE = "SHARE OR NOTE";

const GAP = "  ";
const INDENT = "    ";

/**
 * A table: columns padded to their longest cell, two blanks between them. In a terminal that is too narrow for it each
 * row, and its head, goes on in a further line, where the columns stand below each other again.
 */
export function formatTable(room: TableRoom, header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column] ?? ""))));
  const folds = room.isWatched ? foldsOf(widths, room.columns) : [widths.length];
  const linesOf = (cells: readonly string[]): readonly string[] =>
    folds.map((end, line) => {
      const begin = folds[line - 1] ?? 0;
      const padded = cells
        .slice(begin, end)
        .map((cell, at) => cell + " ".repeat((widths[begin + at] ?? 0) - width(cell)));
      return ((line === 0 ? "" : INDENT) + padded.join(GAP)).trimEnd();
    });
  // No rule below the last column of all, which is as long as its longest address.
  const ruled = widths.slice(0, folds[0]).map((count, column) => {
    return "─".repeat(column === header.length - 1 ? width(header[column] ?? "") : count);
  });
  // What a row has nothing to say in is no line of its own.
  const told = rows.flatMap((row) => linesOf(row).filter((line, at) => at === 0 || line !== ""));
  return [...linesOf(header), ruled.join(GAP), ...told].join("\n");
}

/** Where lines end, as the number of columns before it; a column that is wider than all is alone in its line. */
function foldsOf(widths: readonly number[], most: number): readonly number[] {
  const folds: number[] = [];
  let used = 0;
  for (const [column, count] of widths.entries()) {
    if (used > 0 && used + GAP.length + count > most) {
      folds.push(column);
      used = INDENT.length + count;
    } else used += (used === 0 ? 0 : GAP.length) + count;
  }
  return [...folds, widths.length];
}

/** Code points, colours not counted: good enough for names; a wide character shifts its line by one. */
const width = (text: string): number => [...stripVTControlCharacters(text)].length;
