import { stripVTControlCharacters } from "node:util";

/** A table for a terminal: columns padded to their longest cell, two blanks between them. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(width(title), ...rows.map((row) => width(row[column] ?? ""))));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === header.length - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - width(cell)),
      )
      .join("  ")
      .trimEnd();
  return [
    line(header),
    line(widths.map((count, column) => "─".repeat(column === header.length - 1 ? width(header[column] ?? "") : count))),
    ...rows.map(line),
  ].join("\n");
}

/** Code points, colours not counted: good enough for names; a wide character shifts its line by one. */
const width = (text: string): number => [...stripVTControlCharacters(text)].length;
