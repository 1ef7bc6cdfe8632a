/** What a spreadsheet would take for the beginning of a formula, also behind blanks, and in its wide forms. */
const FORMULA = /^[\s\uFEFF]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/;

/**
 * One line of a CSV file (RFC 4180): every cell quoted, and those that a spreadsheet would take for a formula made text by an
 * apostrophe before them. Names of files and people come from strangers.
 */
export const csvLine = (cells: readonly (string | number | null)[]): string =>
  `${cells.map((cell) => quoted(cell === null ? "" : String(cell))).join(",")}\r\n`;

const quoted = (text: string): string => `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
