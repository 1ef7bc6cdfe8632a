import type { RunRow } from "../src/ledger/schema.ts";

/** What is to be written so that a run has these warnings too; each is kept once, and none is lost to a later one. */
export function addWarnings({ warning }: Pick<RunRow, "warning">, more: readonly string[]): { warning?: string } {
  const known = warning === null ? [] : warning.split(SEPARATOR);
  const fresh = more.filter((text) => !known.includes(text));
  return fresh.length === 0 ? {} : { warning: [...known, ...fresh].join(SEPARATOR) };
}

const SEPARATOR = "; ";
