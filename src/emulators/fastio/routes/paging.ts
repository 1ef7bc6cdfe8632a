import { type Fields, readFields } from "../protocol/fields.ts";

/** One page by `limit` and `offset`, with the `pagination` object that belongs to it. */
export function pageOf<T>(query: Fields, rows: readonly T[], maxLimit = 500) {
  const read = readFields(query);
  const limit = read.int("limit", 1, maxLimit) ?? 100;
  const offset = read.int("offset", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  read.done();
  return {
    items: rows.slice(offset, offset + limit),
    pagination: { total: rows.length, limit, offset, has_more: offset + limit < rows.length },
  };
}
