import { at, pickText } from "./pick.ts";

/** Rows a page; the service takes up to 500. */
const PAGE_ROWS = 100;

/** Walks a listing by offset. Stops at an empty page, whatever the server promises. */
export async function* byOffset<Row>(
  fetchPage: (offset: number, limit: number) => Promise<unknown>,
  readRows: (payload: unknown) => readonly Row[],
): AsyncGenerator<Row, undefined> {
  for (let offset = 0; ; ) {
    const payload = await fetchPage(offset, PAGE_ROWS);
    const rows = readRows(payload);
    yield* rows;
    if (!hasMore(payload, rows.length, PAGE_ROWS)) return;
    offset += rows.length;
  }
}

/** The page of such a listing. */
export const paged = (offset: number, limit: number) => ({ limit: String(limit), offset: String(offset) });

/** All rows of a listing that is known to be short: they are held in memory. */
export async function collect<Row>(rows: AsyncIterable<Row>): Promise<readonly Row[]> {
  const collected: Row[] = [];
  for await (const row of rows) collected.push(row);
  return collected;
}

/** Where the next page of a cursor listing begins; undefined at the end. */
export const readNextCursor = (payload: unknown): string | undefined =>
  pickText(payload, ["next_cursor"], ["pagination"]);

/** Whether an offset listing goes on. Without the flag, a page as long as asked for may have a successor. */
export function hasMore(payload: unknown, rows: number, limit: number): boolean {
  if (rows === 0) return false;
  const flag = at(payload, "pagination.has_more");
  if (typeof flag === "boolean") return flag;
  return flag === "true" || (flag === undefined && rows >= limit);
}
