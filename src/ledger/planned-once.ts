/**
 * For statements that are planned once and not each time: such a plan stands while a table grows from a few rows to
 * thousands, so it goes by an index from the beginning, and from row to row: each asks for a few by their names.
 */
export const PLANNED_ONCE = [
  "enable_seqscan = off",
  "enable_hashjoin = off",
  "enable_mergejoin = off",
  "jit = off",
] as const;
