import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openFolder } from "../../../src/ledger/open-folder.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { copyMadeLedger } from "../../support/made-ledger.ts";

/** More than are kept. */
const MANY = 230;

const folder = mkdtempSync(join(tmpdir(), "relay-statements-"));
let pglite: PGlite;
let work: PGlite;
beforeAll(async () => {
  copyMadeLedger(join(folder, "data"));
  ({ pglite, work } = await openFolder(join(folder, "data"), silentLog));
});
afterAll(async () => {
  await pglite.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await pglite.exec(
    "drop table if exists things; create table things (id int primary key, name text, tags text[], more jsonb)",
  );
});

const countKept = async (): Promise<number> => {
  const { rows } = await pglite.query<{ kept: number }>("select count(*)::int as kept from pg_prepared_statements");
  return rows[0]?.kept ?? 0;
};
const add = (id: number, name: string | null = "a") =>
  pglite.query("insert into things (id, name, tags, more) values ($1, $2, $3, $4)", [id, name, ["x", "y"], { z: 1 }]);
const nameOf = async (id: number) =>
  (await pglite.query<{ name: string }>("select name from things where id = $1", [id])).rows[0]?.name;

test("a statement that is asked again is kept, and tells the same", async () => {
  const before = await countKept();
  expect(await add(1)).toMatchObject({ affectedRows: 1 });
  expect(await add(2, null)).toMatchObject({ affectedRows: 1 });
  expect(await countKept()).toBe(before + 1);
  const { rows } = await pglite.query("select * from things where id = any($1) order by id", [[1, 2]]);
  const more = { tags: ["x", "y"], more: { z: 1 } };
  expect(rows).toEqual([
    { id: 1, name: "a", ...more },
    { id: 2, name: null, ...more },
  ]);
  const asArrays = { rowMode: "array", parsers: { 25: (text: string) => text.toUpperCase() } } as const;
  for (let time = 0; time < 2; time += 1) {
    const { rows } = await pglite.query("select id, name from things where id = $1", [1], asArrays);
    expect(rows).toEqual([[1, "A"]]);
  }
});

test("one that fails says why, and the next goes through; in a transaction nothing of it stays", async () => {
  await add(1);
  await expect(add(1)).rejects.toMatchObject({ code: "23505" });
  await expect(pglite.query("select nonsense from things where id = $1", [1])).rejects.toMatchObject({ code: "42703" });
  await expect(pglite.query("select name from things where id = $1", ["one"])).rejects.toMatchObject({ code: "22P02" });
  expect(await add(2)).toMatchObject({ affectedRows: 1 });
  await expect(
    pglite.transaction(async (tx) => {
      await tx.query("update things set name = $1", ["changed"]);
      await tx.query("insert into things (id) values ($1)", [1]);
    }),
  ).rejects.toMatchObject({ code: "23505" });
  expect(await nameOf(1)).toBe("a");
  await pglite.transaction((tx) => tx.query("update things set name = $1 where id = $2", ["b", 1]));
  expect(await nameOf(1)).toBe("b");
});

test("nobody else's statement comes between those of a transaction", async () => {
  await add(1);
  const order: string[] = [];
  const whole = pglite.transaction(async (tx) => {
    await tx.query("update things set name = $1 where id = $2", ["halfway", 1]);
    order.push("halfway");
    await new Promise((resolve) => setImmediate(resolve));
    await tx.query("update things set name = $1 where id = $2", ["done", 1]);
    order.push("done");
  });
  const read = nameOf(1).then((name) => order.push(`read ${name}`));
  await Promise.all([whole, read]);
  expect(order).toEqual(["halfway", "done", "read done"]);
});

test("a table that is made anew is asked anew", async () => {
  await add(1);
  const all = () => pglite.query("select * from things where id = $1", [1]);
  expect((await all()).fields).toHaveLength(4);
  await pglite.exec("alter table things add column extra int");
  await all().catch(() => undefined); // may be told that its result changed
  expect((await all()).fields).toHaveLength(5);
});

test("no more are kept than there is room for", async () => {
  await add(1);
  for (let index = 0; index < MANY; index += 1) {
    const { rows } = await pglite.query(`select ${index} as n from things where id = $1`, [1]);
    expect(rows).toEqual([{ n: index }]);
  }
  expect(await countKept()).toBeLessThan(MANY);
  expect(await nameOf(1)).toBe("a");
});

test("what workers ask goes by an index from the first row on, and what others ask does not have to", async () => {
  await add(1);
  // A table that nobody has counted counts as larger than it is.
  await pglite.exec("analyze things");
  const planFor = async (asked: Pick<PGlite, "query">) => {
    const { rows } = await asked.query("explain select name from things where id = $1", [1]);
    return JSON.stringify(rows);
  };
  const ways = { worker: /Index Scan/, other: /Seq Scan/ } as const;
  expect(await planFor(work)).toMatch(ways.worker);
  expect(await planFor(pglite)).toMatch(ways.other);
  await work.transaction(async (tx) => expect(await planFor(tx)).toMatch(ways.worker));
  const undone = pglite.transaction(async (tx) => {
    expect(await planFor(tx)).toMatch(ways.other);
    throw new Error("undone");
  });
  await expect(undone).rejects.toThrow("undone");
  expect(await planFor(pglite)).toMatch(ways.other);
  await pglite.transaction(async (tx) => {
    await planFor(tx);
    await tx.rollback();
  });
  expect(await planFor(work)).toMatch(ways.worker);
});
