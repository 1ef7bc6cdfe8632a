import { createHash } from "node:crypto";

/** What cleaning a table found and did. Rows are counted without the header. */
export type CsvStats = {
  columns: string[];
  delimiter: string;
  rowsRead: number;
  rowsKept: number;
  droppedEmpty: number;
  droppedDuplicates: number;
};

/** Characters of one cell; an unclosed quote would otherwise swallow the whole file. */
const MAX_CELL_CHARACTERS = 1024 * 1024;

/** Rows remembered to find duplicates; beyond that the oldest are forgotten, so memory stays bounded. */
const MAX_REMEMBERED_ROWS = 500_000;

/** Characters gathered before they are handed on. */
const PIECE_CHARACTERS = 64 * 1024;

class CsvError extends Error {
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** The candidate that occurs most often in the first line, outside quotes. */
function guessDelimiter(text: string): string {
  const line = (text.split(/\r?\n/, 1)[0] ?? "").replaceAll(/"[^"]*"/g, "");
  const count = (candidate: string) => line.split(candidate).length;
  return [",", ";", "\t"].reduce((best, candidate) => (count(candidate) > count(best) ? candidate : best));
}

/**
 * Reads a table as RFC 4180 has it: quotes may hold delimiters, line ends and doubled quotes.
 *
 * @throws {CsvError} when one cell grows beyond a million characters
 */
export async function* readCsv(
  source: AsyncIterable<string>,
  onDelimiter: (delimiter: string) => void = () => undefined,
): AsyncGenerator<string[]> {
  let delimiter: string | undefined;
  let special = /[\r\n"]/g;
  let row: string[] = [];
  let cell = "";
  let state: "plain" | "quoted" | "quote in quoted" = "plain";
  let afterReturn = false;

  const append = (text: string) => {
    cell += text;
    if (cell.length > MAX_CELL_CHARACTERS) throw new CsvError("a cell never ends: is a quote left open?");
  };
  const takeCell = () => {
    row.push(cell);
    cell = "";
    state = "plain";
  };
  const takeRow = () => {
    takeCell();
    const taken = row;
    row = [];
    return taken;
  };

  for await (const piece of source) {
    if (piece === "") continue;
    if (delimiter === undefined) {
      delimiter = guessDelimiter(piece);
      special = new RegExp(`[\\r\\n"${delimiter}]`, "g");
      onDelimiter(delimiter);
    }
    let at = 0;
    while (at < piece.length) {
      if (state === "quoted") {
        const quote = piece.indexOf('"', at);
        append(piece.slice(at, quote === -1 ? piece.length : quote));
        if (quote !== -1) state = "quote in quoted";
        at = quote === -1 ? piece.length : quote + 1;
        continue;
      }
      const first = piece.charAt(at);
      if (afterReturn && first === "\n") {
        afterReturn = false;
        at += 1;
        continue;
      }
      afterReturn = false;
      if (state === "quote in quoted") {
        state = first === '"' ? "quoted" : "plain";
        if (first === '"') {
          append('"');
          at += 1;
        }
        continue;
      }
      special.lastIndex = at;
      const next = special.exec(piece)?.index ?? piece.length;
      append(piece.slice(at, next));
      at = next + 1;
      const found = piece.charAt(next);
      if (found === delimiter) takeCell();
      else if (found === "\n" || found === "\r") {
        afterReturn = found === "\r";
        yield takeRow();
      } else if (found === '"') {
        // A quote opens a cell at its beginning and is a character anywhere else.
        if (cell.trim() === "") {
          cell = "";
          state = "quoted";
        } else append('"');
      }
    }
  }
  if (cell !== "" || row.length > 0 || state !== "plain") yield takeRow();
}

function writeCell(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/**
 * Trims cells, drops empty and repeated rows, and writes the rest with commas and proper quotes.
 * `stats` is filled on the way and complete when the last piece has been read.
 */
export async function* cleanCsv(source: AsyncIterable<string>, stats: CsvStats): AsyncGenerator<string> {
  const seen = new Set<string>();
  let piece = "";
  let isHeader = true;
  const rows = readCsv(source, (delimiter) => {
    stats.delimiter = delimiter;
  });
  for await (const row of rows) {
    const cells = row.map((cell) => cell.trim());
    const isEmpty = cells.every((cell) => cell === "");
    if (isHeader && isEmpty) continue;
    if (!isHeader) stats.rowsRead += 1;
    if (isEmpty) {
      stats.droppedEmpty += 1;
      continue;
    }
    const line = cells.map(writeCell).join(",");
    if (isRepeated(seen, line)) {
      stats.droppedDuplicates += 1;
      continue;
    }
    if (isHeader) stats.columns = cells;
    else stats.rowsKept += 1;
    isHeader = false;
    piece += `${line}\n`;
    if (piece.length > PIECE_CHARACTERS) {
      yield piece;
      piece = "";
    }
  }
  if (piece !== "") yield piece;
}

/** Remembers the line, long ones by their hash. */
function isRepeated(seen: Set<string>, line: string): boolean {
  const mark = line.length <= 64 ? line : createHash("sha256").update(line).digest("base64");
  if (seen.has(mark)) return true;
  seen.add(mark);
  const oldest = seen.size > MAX_REMEMBERED_ROWS ? seen.values().next() : undefined;
  if (oldest?.done === false) seen.delete(oldest.value);
  return false;
}
