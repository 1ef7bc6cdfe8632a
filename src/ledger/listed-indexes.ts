import { readMigrationFiles } from "drizzle-orm/migrator";

const CREATED = /^\s*CREATE INDEX "(\w+)" ON /;
const DROPPED = /^\s*DROP INDEX "relay"\."(\w+)"/;

/** Whether a statement only makes or drops an index that is there for speed. Unique ones are there for more. */
export const isIndexStatement = (statement: string): boolean => CREATED.test(statement) || DROPPED.test(statement);

export type ListedIndexes = {
  /** Name, and the statement that makes it. */
  readonly wanted: ReadonlyMap<string, string>;
  /** Of earlier versions. */
  readonly unwanted: ReadonlySet<string>;
  /** Of the newest migration, as the ledger remembers it. */
  readonly newestMs: number;
};

/** The indexes that the migrations, all together, make and drop. */
export function listIndexes(migrationsFolder: string): ListedIndexes {
  const wanted = new Map<string, string>();
  const unwanted = new Set<string>();
  const migrations = readMigrationFiles({ migrationsFolder });
  for (const statement of migrations.flatMap((migration) => migration.sql)) {
    const created = CREATED.exec(statement)?.[1];
    const dropped = DROPPED.exec(statement)?.[1];
    if (created !== undefined) {
      wanted.set(created, statement.trim());
      unwanted.delete(created);
    }
    if (dropped !== undefined) {
      wanted.delete(dropped);
      unwanted.add(dropped);
    }
  }
  return { wanted, unwanted, newestMs: Math.max(...migrations.map(({ folderMillis }) => folderMillis)) };
}
