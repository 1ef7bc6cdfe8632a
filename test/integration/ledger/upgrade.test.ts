import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../../src/clock.ts";
import { startBuildingIndexes } from "../../../src/ledger/build-indexes.ts";
import { type Ledger, MIGRATIONS, openLedger } from "../../../src/ledger/open-ledger.ts";
import { rowsOf } from "../../../src/ledger/rows-of.ts";
import { type Log, silentLog } from "../../../src/telemetry/log.ts";
import { createEmptyDatabase, createTestDatabase } from "../../support/servers.ts";
import { SOON } from "../../support/soon.ts";
import { openTestLedger, type TestLedger } from "../../support/test-ledger.ts";

type Column = { readonly name: string; readonly type: string };
type Snapshot = {
  readonly tables: Readonly<
    Record<string, { readonly name: string; readonly columns: Readonly<Record<string, Column>> }>
  >;
};

const META = fileURLToPath(new URL("meta/", `file://${MIGRATIONS}/`));

describe("a process of an earlier version", () => {
  let ledger: TestLedger;
  beforeAll(async () => {
    ledger = await openTestLedger();
  });
  afterAll(() => ledger.dispose());

  /** A value that no other row has. */
  const uniqueOf = (type: string, nth: number): unknown => {
    if (type.endsWith("[]")) return `{${nth}}`;
    if (type === "jsonb") return "{}";
    if (type === "boolean") return false;
    return /^(bigint|integer|bigserial|serial|real|double)/.test(type) ? nth : `text-${nth}`;
  };

  test("writes rows with the columns it knows, whichever version it is, and reads them back", async () => {
    const snapshots = readdirSync(META)
      .filter((name) => name.endsWith("_snapshot.json"))
      .toSorted()
      .slice(0, -1)
      .map((name) => JSON.parse(readFileSync(META + name, "utf8")) as Snapshot);
    const written = new Set<string>();
    for (const { tables } of snapshots) {
      for (const { name, columns } of Object.values(tables)) {
        const known = Object.values(columns);
        const names = sql.raw(known.map((column) => `"${column.name}"`).join(", "));
        // Most tables stay as they are from one version to the next.
        const shape = `${name}: ${known.map((column) => column.name).join()}`;
        if (written.has(shape)) continue;
        written.add(shape);
        const nth = written.size;
        const values = sql.join(
          known.map(({ type }) => sql`${uniqueOf(type, nth)}`),
          sql`, `,
        );
        const table = sql.raw(`relay."${name}"`);
        const answer = await ledger.db.execute(
          sql`insert into ${table} (${names}) values (${values}) returning ${names}`,
        );
        expect({ shape, rows: rowsOf(answer).length }).toEqual({ shape, rows: 1 });
      }
    }
    expect(written.size).toBeGreaterThan(snapshots.length);
  });
});

describe.skipIf(inject("postgresUrl") === undefined)("an upgrade of a PostgreSQL with rows in it", () => {
  /** A ledger as the version with so many migrations left it. */
  async function givenOlderLedger(migrations: number): Promise<string> {
    const database = await createEmptyDatabase(inject("postgresUrl") ?? "");
    const folder = mkdtempSync(join(tmpdir(), "relay-migrations-"));
    onTestFinished(async () => {
      rmSync(folder, { recursive: true, force: true });
      await database.drop();
    });
    cpSync(MIGRATIONS, folder, { recursive: true });
    const journal = join(folder, "meta/_journal.json");
    const { entries, ...rest } = JSON.parse(readFileSync(journal, "utf8"));
    writeFileSync(journal, JSON.stringify({ ...rest, entries: entries.slice(0, migrations) }));
    await withClient(database.url, (client) =>
      migrate(drizzle(client), { migrationsFolder: folder, migrationsSchema: "relay" }),
    );
    return database.url;
  }
  async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return await use(client);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  const open = async (url: string): Promise<Ledger> => {
    const ledger = await openLedger(url, silentLog);
    onTestFinished(ledger.close);
    return ledger;
  };
  const definitions = async ({ db }: Ledger): Promise<readonly string[]> =>
    rowsOf(
      await db.execute(sql`
        select pg_get_indexdef(indexrelid) as text, indisvalid as valid
        from pg_index join pg_class c on c.oid = indexrelid where c.relnamespace = 'relay'::regnamespace`),
    )
      .map(({ text, valid }) => `${String(text)} ${valid === true ? "" : "(not valid)"}`)
      .toSorted();
  const newestDefinitions = async (): Promise<readonly string[]> => {
    const fresh = await createTestDatabase(inject("postgresUrl") ?? "");
    const ledger = await openLedger(fresh.url, silentLog);
    try {
      return await definitions(ledger);
    } finally {
      await ledger.close();
      await fresh.drop();
    }
  };
  const build = (ledger: Ledger, url: string, log: Log = silentLog): (() => Promise<void>) => {
    const stop = startBuildingIndexes({ db: ledger.db, url, clock: systemClock, log });
    onTestFinished(stop);
    return stop;
  };

  test("leaves its indexes to be built beside the work, and ends with those of a new ledger", async () => {
    const newest = await newestDefinitions();
    const url = await givenOlderLedger(1);
    const ledger = await open(url);
    const upgraded = await definitions(ledger);
    expect(upgraded.length).toBeLessThan(newest.length);
    // Whoever comes second leaves it to the first.
    const built: unknown[] = [];
    const log: Log = { ...silentLog, info: (event, fields) => built.push({ event, index: fields?.["index"] }) };
    const other = await open(url);
    build(ledger, url, log);
    build(other, url, log);
    await vi.waitFor(async () => expect(await definitions(ledger)).toEqual(newest), SOON);
    expect(built).toHaveLength(new Set(built.map((line) => JSON.stringify(line))).size);
  });

  test("holds up nobody who writes meanwhile", async () => {
    const url = await givenOlderLedger(1);
    const ledger = await open(url);
    await withClient(url, async (writer) => {
      const row = (name: string) =>
        `insert into relay.leases (name, owner, until_ms) values ('${name}', 'somebody', 1) returning name`;
      const event = (key: string) =>
        `insert into relay.refusals (minute_ms, reason, count) values (1, '${key}', 1) returning reason`;
      await writer.query("begin");
      await writer.query("lock table relay.runs in row exclusive mode");
      await writer.query(row("one"));
      build(ledger, url);
      // It waits for the transaction that had begun before it.
      await vi.waitFor(async () => {
        const waiting = await ledger.db.execute(
          sql`select 1 from pg_stat_activity where query like 'CREATE INDEX CONCURRENTLY%' and wait_event_type = 'Lock' and datname = current_database()`,
        );
        expect(rowsOf(waiting)).toHaveLength(1);
      }, SOON);
      await withClient(url, async (second) => {
        await second.query("set lock_timeout = '5s'");
        await second.query("begin");
        await second.query("lock table relay.runs in row exclusive mode");
        await second.query(event("two"));
        await second.query("commit");
      });
      await writer.query("commit");
    });
    const newest = await newestDefinitions();
    await vi.waitFor(async () => expect(await definitions(ledger)).toEqual(newest), SOON);
  });

  test("builds anew what a process that died left half-built, and leaves alone what a newer version did", async () => {
    const newest = await newestDefinitions();
    const database = await createTestDatabase(inject("postgresUrl") ?? "");
    onTestFinished(() => database.drop());
    const ledger = await open(database.url);
    await ledger.db.execute(
      sql`update pg_index set indisvalid = false where indexrelid = 'relay.runs_listed'::regclass`,
    );
    expect(await definitions(ledger)).not.toEqual(newest);
    build(ledger, database.url);
    await vi.waitFor(async () => expect(await definitions(ledger)).toEqual(newest), SOON);

    await ledger.db.execute(sql`drop index relay.runs_listed`);
    await ledger.db.execute(
      sql`insert into relay.__drizzle_migrations (hash, created_at) values ('newer', 9999999999999)`,
    );
    const told: string[] = [];
    await build(ledger, database.url, { ...silentLog, info: (event) => told.push(event) })();
    expect(told).toEqual([]);
    expect(await definitions(ledger)).toHaveLength(newest.length - 1);
  });

  test("leaves the connection that it used as impatient as the others", async () => {
    const ledger = await open(await givenOlderLedger(1));
    expect(rowsOf(await ledger.db.execute(sql`show lock_timeout`))).toEqual([{ lock_timeout: "30s" }]);
    expect(rowsOf(await ledger.db.execute(sql`show statement_timeout`))).toEqual([{ statement_timeout: "1min" }]);
  });

  test("tells of who keeps the schema to itself, and goes on after it", async () => {
    const url = await givenOlderLedger(1);
    await withClient(url, async (holder) => {
      const { rows } = await holder.query("select pg_backend_pid() as pid, pg_advisory_lock(x'52454c41'::int)");
      const told: unknown[] = [];
      const opening = openLedger(url, { ...silentLog, warn: (event, fields) => told.push({ event, ...fields }) });
      const why = expect.stringContaining(`the session ${rows[0]?.pid} `);
      await vi.waitFor(
        () => expect(told).toEqual([expect.objectContaining({ event: "ledger.migration_waits", why })]),
        SOON,
      );
      await holder.query("select pg_advisory_unlock_all()");
      await (await opening).close();
    });
  });

  test("builds its indexes however little time statements are given", async () => {
    const url = await givenOlderLedger(1);
    const ledger = await open(url);
    const newest = await newestDefinitions();
    await withClient(url, async (reader) => {
      await reader.query(`alter database ${new URL(url).pathname.slice(1)} set statement_timeout = '300ms'`);
      // Whoever builds an index waits for those who may still see the table as it was.
      await reader.query("begin isolation level repeatable read");
      await reader.query("select 1 from relay.runs");
      build(ledger, url);
      const waits = sql`select from pg_stat_activity
        where query like 'CREATE INDEX CONCURRENTLY%' and state = 'active' and now() - query_start > interval '1 second'`;
      await vi.waitFor(async () => expect(rowsOf(await ledger.db.execute(waits))).toHaveLength(1), SOON);
      await reader.query("commit");
    });
    await vi.waitFor(async () => expect(await definitions(ledger)).toEqual(newest), SOON);
  });

  test("waits for a table that is in use, and lets others at it in between", async () => {
    const url = await givenOlderLedger(1);
    await withClient(url, async (reader) => {
      await reader.query("begin");
      await reader.query("select 1 from relay.runs");
      const told: string[] = [];
      const opening = openLedger(url, { ...silentLog, warn: (event) => told.push(event) });
      await vi.waitFor(() => expect(told).toContain("ledger.migration_waits"), SOON);
      await withClient(url, (other) => other.query("select 1 from relay.runs"));
      await reader.query("commit");
      await (await opening).close();
    });
  });
});
