import type { Db } from "./open-ledger.ts";

/**
 * Builds a statement when it is first asked of a database, and keeps it: for what every run asks, as to build such a
 * statement takes longer than to send it and read the answer.
 */
export function builtOnce<Statement>(build: (db: Db) => Statement): (db: Db) => Statement {
  const kept = new WeakMap<Db, Statement>();
  return (db) => {
    const known = kept.get(db);
    if (known !== undefined) return known;
    const statement = build(db);
    kept.set(db, statement);
    return statement;
  };
}
