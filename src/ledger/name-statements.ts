import type { Pool } from "pg";

/**
 * As what a statement is prepared that is to be built once: whether PostgreSQL keeps it, too, is decided by the pool
 * that it goes through; see `nameStatements`.
 */
export const UNNAMED = "";

/** Statements that are kept; a plan takes some ten kilobytes of each connection's memory. */
const MOST_KEPT = 150;
/** What is asked less often is not worth keeping, such as lists of ever other lengths. */
const OFTEN = 8;
/** Texts that are counted. */
const MOST_COUNTED = 2_000;

/**
 * Gives a name to statements that a pool is asked again and again, so that PostgreSQL parses and plans them once a
 * connection. To plan a statement about a run takes it five times as long as to carry it out.
 */
export function nameStatements(pool: Pool): void {
  const counts = new Map<string, number>();
  const names = new Map<string, string>();
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text);
    if (known !== undefined || names.size >= MOST_KEPT) return known;
    const count = (counts.get(text) ?? 0) + 1;
    if (count < OFTEN) {
      if (counts.size >= MOST_COUNTED) counts.clear();
      counts.set(text, count);
      return undefined;
    }
    counts.delete(text);
    const name = `often_${names.size + 1}`;
    names.set(text, name);
    return name;
  };
  pool.on("connect", (client) => {
    const { query } = client;
    const ask = (...[statement, values, ...rest]: readonly unknown[]): unknown => {
      const asked = isNamable(statement) && isGiven(values) ? withName(statement, nameOf) : statement;
      return Reflect.apply(query, client, [asked, values, ...rest]);
    };
    Object.assign(client, { query: ask });
  });
}

/** What has no parameters, such as `begin`, is nothing to plan. */
const isGiven = (values: unknown): boolean => Array.isArray(values) && values.length > 0;

type Namable = { readonly text: string; readonly name?: string };

const isNamable = (statement: unknown): statement is Namable =>
  typeof statement === "object" &&
  statement !== null &&
  "text" in statement &&
  typeof statement.text === "string" &&
  (!("name" in statement) || statement.name === undefined || statement.name === UNNAMED);

function withName(statement: Namable, nameOf: (text: string) => string | undefined): Namable {
  const name = nameOf(statement.text);
  return name === undefined ? statement : { ...statement, name };
}
