import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import pg from "pg";
import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { type Ledger, openLedger } from "../../../src/ledger/open-ledger.ts";
import { events } from "../../../src/ledger/schema.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { availableBackends } from "../../support/backends.ts";
import { freePort } from "../../support/child-server.ts";
import { runInProcess } from "../../support/cli-context.ts";
import { copyMadeLedger } from "../../support/made-ledger.ts";
import { createEmptyDatabase } from "../../support/servers.ts";
import { SOON } from "../../support/soon.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const MIGRATIONS = join(ROOT, "src/ledger/migrations");
const OPENER = fileURLToPath(new URL("./open-a-ledger.ts", import.meta.url));
/** Connections that a ledger opens at most. */
const PLACES = 10;
/** A program that ends every connection to a database but its own. */
const CUT_ALL = `
import pg from "pg";
const client = new pg.Client({ connectionString: process.argv[1] });
await client.connect();
await client.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");
await client.end();
`;

describe.each(availableBackends({ postgresUrl: inject("postgresUrl") }))("on %s", (name) => {
  test("migrations run at the start, and again without harm", async () => {
    const url = await newUrl(name);
    const first = await openLedger(url, silentLog);
    expect(await first.db.$count(events)).toBe(0);
    await first.close();
    const second = await open(url);
    expect(await second.db.$count(events)).toBe(0);
    expect(second.kind).toBe(name);
  });
});

describe.skipIf(inject("postgresUrl") === undefined)("on PostgreSQL", () => {
  test("processes that start together migrate once", async () => {
    const url = await newUrl("postgres");
    const ledgers = await Promise.all([open(url), open(url), open(url)]);
    for (const { db } of ledgers) expect(await db.$count(events)).toBe(0);
    const journal: { readonly entries: readonly unknown[] } = JSON.parse(
      readFileSync(join(MIGRATIONS, "meta/_journal.json"), "utf8"),
    );
    const applied = await ledgers[0]?.db.execute("select * from relay.__drizzle_migrations");
    expect(applied).toMatchObject({ rowCount: journal.entries.length });
  });
});

describe.skipIf(inject("postgresUrl") === undefined)("on PostgreSQL, by a role that may not change the schema", () => {
  async function asReader(url: string, rights: string): Promise<string> {
    const name = `reader_${randomUUID().replaceAll("-", "")}`;
    const owner = new pg.Client({ connectionString: url });
    await owner.connect();
    onTestFinished(async () => {
      await owner.query(`drop owned by ${name}; drop role ${name}`);
      await owner.end();
    });
    await owner.query(`create role ${name} login; ${rights.replaceAll("READER", name)}`);
    const its = new URL(url);
    its.username = name;
    return its.href;
  }

  test("a ledger that is up to date opens", async () => {
    const url = await newUrl("postgres");
    await open(url);
    const its = await asReader(
      url,
      "grant usage on schema relay to READER; grant select on all tables in schema relay to READER",
    );
    const { db } = await open(its);
    expect(await db.$count(events)).toBe(0);
  });

  test("a command that asks for what a relay has done makes none in another's database, and says so", async () => {
    const { url, drop } = await createEmptyDatabase(inject("postgresUrl") ?? "");
    onTestFinished(drop);
    const settings = { DATABASE_URL: url };
    expect(await runInProcess(["runs", "list"], settings)).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^relay: there is no ledger in the database \w+\n→ .*DATABASE_URL.*\n$/),
    });
    const looked = await runInProcess(["doctor", "--json"], settings);
    expect(JSON.parse(looked.stdout).checks).toContainEqual(
      expect.objectContaining({ check: "ledger", status: "ok", found: "is made at the first start" }),
    );
    const owner = new pg.Client({ connectionString: url });
    await owner.connect();
    onTestFinished(() => owner.end());
    expect((await owner.query("select 1 from pg_namespace where nspname = 'relay'")).rows).toEqual([]);

    const its = await asReader(url, "select 1");
    expect(await runInProcess(["runs", "list"], { DATABASE_URL: its })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("may make none"),
    });
  });

  test("one that is not is told of in the database's words", async () => {
    const url = await createEmptyDatabase(inject("postgresUrl") ?? "");
    onTestFinished(url.drop);
    const its = await asReader(url.url, "select 1");
    await expect(openLedger(its, silentLog)).rejects.toMatchObject({
      code: "ledger_unavailable",
      message: expect.stringMatching(/^PostgreSQL: permission denied for database/),
    });
  });
});

describe.skipIf(inject("postgresUrl") === undefined)("on PostgreSQL, in the middle of a transaction", () => {
  test("a lost connection fails that transaction and nothing else", async () => {
    const url = await newUrl("postgres");
    const told: string[] = [];
    const ledger = await openLedger(url, { ...silentLog, warn: (event) => told.push(event) });
    onTestFinished(ledger.close);
    const { db } = await open(url);
    const cut = ledger.db.transaction(async (within) => {
      await within.execute(sql`set local application_name = 'to be cut'`);
      await db.execute(
        sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'to be cut'`,
      );
      await vi.waitFor(() => expect(told).toEqual(["ledger.connection_lost"]), SOON);
      await within.execute(sql`select 1`);
    });
    await expect(cut).rejects.toThrow();
    expect(await ledger.db.$count(events)).toBe(0);
  });
});

describe.skipIf(inject("postgresUrl") === undefined)("on PostgreSQL, as transactions begin", () => {
  test("connections that are lost cost the ledger none of its places", async () => {
    const url = await newUrl("postgres");
    const { db } = await open(url);
    const begin = () => db.transaction((within) => within.execute(sql`select pg_sleep(0.2)`));
    await Promise.all(Array.from({ length: PLACES }, begin));
    // Nothing of it is seen here before all of them are lent out: this process stands still meanwhile.
    execFileSync(process.execPath, ["--input-type=module", "--eval", CUT_ALL, url], { cwd: ROOT });
    const begun = await Promise.allSettled(Array.from({ length: PLACES }, begin));
    expect(begun.map(({ status }) => status)).toEqual(Array(PLACES).fill("rejected"));
    expect(await db.$count(events)).toBe(0);
  });

  test("one that never ends does not keep the ledger from closing", async () => {
    const ledger = await openLedger(await newUrl("postgres"), silentLog);
    const stuck = ledger.db.transaction((within) => within.execute(sql`select pg_sleep(600)`));
    const failed = expect(stuck).rejects.toThrow();
    await ledger.close();
    await failed;
  });
});

test("a PostgreSQL that is not there is told of, with what to check and without the password", async () => {
  const url = `postgres://relay:very-secret@127.0.0.1:${await freePort()}/relay`;
  const opening = openLedger(url, silentLog);
  await expect(opening).rejects.toMatchObject({
    code: "ledger_unavailable",
    message: expect.not.stringContaining("very-secret"),
    nextAction: expect.stringContaining("DATABASE_URL"),
  });
});

test("a folder that cannot be made or written to is told of, with the setting to change", async () => {
  const file = join(newFolder(), "file");
  writeFileSync(file, "");
  for (const folder of [file, join(file, "data"), "/proc/none"])
    await expect(openLedger(`pglite:${folder}`, silentLog)).rejects.toMatchObject({
      code: "ledger_unavailable",
      message: expect.stringContaining(folder),
      nextAction: expect.stringContaining("DATABASE_URL"),
    });
});

test("a second ledger on the same folder is refused, naming the holder", async () => {
  const url = copyMadeLedger(join(newFolder(), "data"));
  await open(url);
  await expect(openLedger(url, silentLog)).rejects.toMatchObject({
    code: "ledger_locked",
    message: expect.stringContaining(`process ${process.pid}`),
  });
});

test("the folder of a ledger is its owner's alone", async () => {
  const url = await newUrl("pglite");
  await open(url);
  expect(statSync(url.slice("pglite:".length)).mode & 0o777).toBe(0o700);
});

test("a folder whose making was killed in the middle is made anew", async () => {
  const url = await newUrl("pglite");
  const folder = url.slice("pglite:".length);
  // As a killed process leaves it: PGlite would take it for whole because of this file.
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "PG_VERSION"), "18\n");
  writeFileSync(`${folder}.unfinished`, "");
  const { db } = await open(url);
  expect(await db.$count(events)).toBe(0);
  expect(existsSync(`${folder}.unfinished`)).toBe(false);
});

test("a ledger that cannot be made says why, as the process that makes it does", async () => {
  const url = await newUrl("pglite");
  const limited = ["-c", 'ulimit -n 64; exec "$0" "$@"', process.execPath, OPENER, url];
  const { status, stderr } = spawnSync("sh", limited, { encoding: "utf8" });
  expect(status).not.toBe(0);
  expect(stderr).toMatch(/no ledger could be made in .*: relay: the embedded database gave up: .*descriptors/);
});

test("a process killed while it makes the ledger can be started again", async () => {
  const url = await newUrl("pglite");
  const folder = url.slice("pglite:".length);
  const child = spawn(process.execPath, [OPENER, url], { stdio: "ignore" });
  const gone = once(child, "exit");
  const begun = (): boolean => existsSync(folder) && readdirSync(folder).length >= 3;
  await vi.waitFor(() => expect(begun()).toBe(true), { timeout: 150_000, interval: 5 });
  child.kill("SIGKILL");
  await gone;
  expect(existsSync(`${folder}.unfinished`)).toBe(true);
  const { db } = await open(url);
  expect(await db.$count(events)).toBe(0);
  // What the dead one was making is not left behind.
  expect(readdirSync(dirname(folder)).filter((name) => name.includes("making"))).toEqual([]);
});

test("a process killed with the ledger open leaves it whole, and its lock does not block", async () => {
  const url = copyMadeLedger(join(newFolder(), "data"));
  const child = spawn(process.execPath, [OPENER, url], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(child, "exit");
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await gone;
  const { db } = await open(url);
  expect(await db.$count(events)).toBe(0);
});

test("the committed migrations make the schema as it stands", () => {
  const folder = mkdtempSync(join(tmpdir(), "relay-migrations-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  // drizzle-kit takes the place for its files as relative to where it runs.
  const copy = join(folder, "migrations");
  cpSync(MIGRATIONS, copy, { recursive: true });
  const said = execFileSync(
    process.execPath,
    [
      join(ROOT, "node_modules/drizzle-kit/bin.cjs"),
      "generate",
      "--dialect=postgresql",
      `--schema=${join(ROOT, "src/ledger/schema.ts")}`,
      "--out=migrations",
    ],
    { cwd: folder, encoding: "utf8" },
  );
  expect(said).toContain("No schema changes");
  expect(readdirSync(copy).sort()).toEqual(readdirSync(MIGRATIONS).sort());
});

/** Of a database that nobody has opened. */
async function newUrl(name: "pglite" | "postgres" | "redis + postgres"): Promise<string> {
  if (name === "pglite") return `pglite:${join(newFolder(), "data")}`;
  const database = await createEmptyDatabase(inject("postgresUrl") ?? "");
  onTestFinished(database.drop);
  return database.url;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "relay-ledger-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function open(url: string): Promise<Ledger> {
  const ledger = await openLedger(url, silentLog);
  onTestFinished(ledger.close);
  return ledger;
}
