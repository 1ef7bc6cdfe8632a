import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { isIndexStatement, listIndexes } from "../../../src/ledger/listed-indexes.ts";

const FOLDER = fileURLToPath(new URL("../../../src/ledger/migrations/", import.meta.url));

/**
 * Statements that take something away. Each was allowed because no process that still runs needs it: since which version
 * none does, and why. CONTRIBUTING.md says how a contraction comes about.
 */
const CONTRACTIONS: readonly { readonly statement: string; readonly since: string; readonly why: string }[] = [
  {
    statement: 'DROP INDEX "relay"."runs_created"',
    since: "0.1.0",
    why: "runs_listed begins with the same column: who asked for it is as fast with that",
  },
  {
    statement: 'DROP INDEX "relay"."runs_finished"',
    since: "0.1.0",
    why: "runs_ended begins with the same column and has the same condition",
  },
  {
    statement: 'DROP INDEX "relay"."events_unrouted"',
    since: "0.1.0",
    why: "events_to_route has those that wait, and nobody asks for others by it",
  },
  {
    statement: 'DROP INDEX "relay"."runs_in_queue"',
    since: "0.1.0",
    why: "runs_crowd begins with the same columns and has the same condition",
  },
  {
    statement: 'DROP INDEX "relay"."runs_turns"',
    since: "0.1.0",
    why: "runs_next begins with the same columns and has the same condition",
  },
  {
    statement: 'DROP INDEX "relay"."runs_undone"',
    since: "0.1.0",
    why: "runs_to_hand_over begins with the same columns and has the same condition",
  },
  {
    statement: 'DROP INDEX "relay"."events_to_route"',
    since: "0.1.0",
    why: "events_to_hand_over begins with the same column and has the same condition",
  },
  {
    statement: 'DROP INDEX "relay"."bulk_items_run"',
    since: "0.1.0",
    why: "items are asked for by their bulk action, and no version has asked for them by their run",
  },
  ...(
    [
      ["events_file", "events_with_file"],
      ["events_routed", "events_ended"],
      ["runs_unfinished", "runs_undone"],
      ["runs_folder", "runs_with_folder"],
      ["runs_parent", "runs_with_parent"],
      ["runs_workflow", "runs_with_workflow"],
      ["runs_share", "runs_with_share"],
      ["runs_share_expires", "runs_with_expiry"],
      ["runs_waiting", "runs_in_line"],
      ["runs_cancel_asked", "runs_to_cancel"],
    ] as const
  ).map(([dropped, instead]) => ({
    statement: `DROP INDEX "relay"."${dropped}"`,
    since: "0.1.0",
    why: `${instead} has the same columns of all rows that have something there, and nobody asks for others by it`,
  })),
];

const ADDITIONS: readonly RegExp[] = [
  /^CREATE TABLE /,
  /^CREATE INDEX /,
  /^CREATE UNIQUE INDEX /,
  /^CREATE SEQUENCE /,
  /^ALTER TABLE "relay"\."\w+" ADD COLUMN "\w+" [\w[\] ]+$(?<!NOT NULL)/,
  /^ALTER TABLE "relay"\."\w+" ADD COLUMN "\w+" [\w[\] ]+ DEFAULT \S+ NOT NULL$/,
];

type Column = { readonly type: string; readonly notNull: boolean; readonly default?: unknown };
type Index = { readonly columns: readonly { readonly expression: string }[]; readonly isUnique: boolean };
type Table = {
  readonly columns: Readonly<Record<string, Column>>;
  readonly indexes: Readonly<Record<string, Index>>;
  readonly compositePrimaryKeys: unknown;
  readonly uniqueConstraints: unknown;
  readonly checkConstraints: unknown;
  readonly foreignKeys: unknown;
};
type Snapshot = { readonly tables: Readonly<Record<string, Table>> };

const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".sql"))
  .toSorted();
const statementsOf = (file: string): readonly string[] =>
  readFileSync(FOLDER + file, "utf8")
    .split("--> statement-breakpoint")
    .map((statement) => statement.trim().replace(/;$/, ""))
    .filter((statement) => statement !== "");
/** drizzle-kit's own picture of the schema after each migration. */
const snapshots = readdirSync(`${FOLDER}meta`)
  .filter((name) => name.endsWith("_snapshot.json"))
  .toSorted()
  .map((name) => JSON.parse(readFileSync(`${FOLDER}meta/${name}`, "utf8")) as Snapshot);

describe("after the first, a migration only adds, so that older processes go on beside newer ones", () => {
  test.each(files.slice(1))("%s", (file) => {
    const others = statementsOf(file).filter((statement) => !ADDITIONS.some((addition) => addition.test(statement)));
    expect(others.filter((statement) => !CONTRACTIONS.some((known) => known.statement === statement))).toEqual([]);
  });

  test.each([
    'ALTER TABLE "relay"."runs" DROP COLUMN "status"',
    'ALTER TABLE "relay"."runs" RENAME COLUMN "status" TO "state"',
    'ALTER TABLE "relay"."runs" ADD COLUMN "x" text NOT NULL',
    'ALTER TABLE "relay"."runs" ALTER COLUMN "x" SET NOT NULL',
    'ALTER TABLE "relay"."runs" ALTER COLUMN "x" SET DATA TYPE bigint',
    'DROP TABLE "relay"."runs"',
    'ALTER TABLE "relay"."runs" ADD CONSTRAINT "x" UNIQUE("y")',
    'UPDATE "relay"."runs" SET "x" = 1',
  ])("%s would be noticed", (statement) => {
    expect(ADDITIONS.some((addition) => addition.test(statement))).toBe(false);
  });

  test("each contraction that is listed is one that happened", () => {
    const all = files.flatMap(statementsOf);
    for (const { statement } of CONTRACTIONS) expect(all).toContain(statement);
  });
});

describe("what an older process writes and reads", () => {
  const newest = snapshots.at(-1)?.tables ?? {};
  const older = snapshots.slice(0, -1).map((snapshot, index) => [files[index] ?? "", snapshot.tables] as const);
  const added = <Part>(before: Readonly<Record<string, Part>>, after: Readonly<Record<string, Part>>) =>
    Object.entries(after).filter(([name]) => !Object.hasOwn(before, name));

  test.each(older)("after %s is there in the newest schema, and nothing more is asked for", (_file, tables) => {
    for (const [name, before] of Object.entries(tables)) {
      const after = newest[name];
      if (!after) throw new Error(`${name} is gone`);
      // Its columns, of the same types, and no stricter.
      for (const [column, { type, notNull }] of Object.entries(before.columns))
        expect({ column, ...after.columns[column] }).toMatchObject({ column, type, ...(notNull ? {} : { notNull }) });
      for (const [column, { notNull, default: value }] of added(before.columns, after.columns))
        expect({ column, isAsked: notNull && value === undefined }).toEqual({ column, isAsked: false });
      // What `on conflict` names, and what keeps rows apart.
      const { compositePrimaryKeys, uniqueConstraints, checkConstraints, foreignKeys } = before;
      expect(after).toMatchObject({ compositePrimaryKeys, uniqueConstraints, checkConstraints, foreignKeys });
      for (const [index, { isUnique }] of Object.entries(before.indexes))
        if (isUnique) expect(after.indexes[index]).toEqual(before.indexes[index]);
      // A new unique index is only one of columns that older processes leave empty.
      for (const [, { isUnique, columns }] of added(before.indexes, after.indexes))
        if (isUnique) expect(columns.every(({ expression }) => !(expression in before.columns))).toBe(true);
    }
  });
});

describe("indexes", () => {
  test("are told from what else a migration makes", () => {
    expect(isIndexStatement('CREATE INDEX "a" ON "relay"."runs" USING btree ("id")')).toBe(true);
    expect(isIndexStatement('\nDROP INDEX "relay"."a";')).toBe(true);
    expect(isIndexStatement('CREATE UNIQUE INDEX "a" ON "relay"."runs" USING btree ("id")')).toBe(false);
    expect(isIndexStatement('CREATE TABLE "relay"."a" ("id" text)')).toBe(false);
  });

  test("never come back under the name of an earlier one, which would be taken for them", () => {
    const made = files.flatMap(statementsOf).flatMap((statement) => /^CREATE INDEX "(\w+)"/.exec(statement)?.[1] ?? []);
    expect(made).toEqual([...new Set(made)]);
  });

  test("are those of the newest schema", () => {
    const plain = Object.values(snapshots.at(-1)?.tables ?? {}).flatMap(({ indexes }) =>
      Object.entries(indexes).flatMap(([name, { isUnique }]) => (isUnique ? [] : [name])),
    );
    expect([...listIndexes(FOLDER).wanted.keys()].toSorted()).toEqual(plain.toSorted());
  });
});
