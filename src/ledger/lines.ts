import { type Column, getTableColumns, type SQL, sql, type Table } from "drizzle-orm";

/** Columns of a table by their names in SQL, with their types: of those that a statement reads from JSON. */
export type LineColumns = Readonly<Record<string, string>>;

/**
 * Rows that go as one JSON text: a parameter for each field computes longer than all the rest, and the statement keeps
 * its text however many rows there are, so that it is built, and planned, once.
 * @param json the text, or the name of a placeholder for it
 * @returns what stands in a `from`, as `line`
 */
export const linesOf = (json: string | SQL, columns: LineColumns, name = "line"): SQL =>
  sql`json_to_recordset(${typeof json === "string" ? sql.placeholder(json) : json}::text::json) as ${sql.raw(name)}(${sql.raw(
    Object.entries(columns)
      .map(([column, type]) => `${column} ${type}`)
      .join(", "),
  )})`;

/** Names of columns, parted by commas. @param of what stands before each, such as `line.` */
export const namesOf = (columns: LineColumns, of = ""): SQL =>
  sql.raw(
    Object.keys(columns)
      .map((name) => of + name)
      .join(", "),
  );

/** All columns of a table. */
export const columnsOf = (table: Table): LineColumns =>
  Object.fromEntries(Object.values(getTableColumns(table)).map((column) => [column.name, column.getSQLType()]));

/** A row as a line: by column names, without what is undefined. */
export function lineOf(table: Table, row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const columns = getTableColumns(table);
  const line: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(row)) {
    const column = columns[key];
    if (column === undefined || value === undefined) continue;
    // As the driver sends text: half a character is replaced, not refused.
    line[column.name] = typeof value === "string" ? value.toWellFormed() : value;
  }
  return line;
}

/** What a line that the database has made of a row tells of these columns. A driver reads it many times faster than as many columns. */
export function rowOf<Row>(
  columns: Readonly<Record<string, Pick<Column, "name">>>,
  line: Readonly<Record<string, unknown>>,
): Row {
  const row: Record<string, unknown> = {};
  for (const [key, { name }] of Object.entries(columns)) row[key] = line[name];
  return row as Row; // as the columns are typed
}

/**
 * Whether a key is one of these; as JSON, for what is asked all the time. Of an array the planner guesses that it has ten,
 * and where there are fewer it plans anew each time, which takes longer than the rest. Beside other conditions an array
 * is right: with them, and a hundred lines to expect, the planner begins at the wrong end.
 * @param keys the name of a placeholder for the text
 */
export const keyAmong = (column: Column, keys: string): SQL =>
  sql`${column} in (select json_array_elements_text(${sql.placeholder(keys)}::text::json))`;

/** Whether a text is one of these, in words that are the same however many there are. */
export const among = (column: SQL | Column, values: readonly string[]): SQL =>
  sql`${column} = any(${sql.param([...values])}::text[])`;
