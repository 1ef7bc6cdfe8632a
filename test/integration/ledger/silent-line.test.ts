import { sql } from "drizzle-orm";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createTestDatabase } from "../../support/servers.ts";
import { layLine } from "../../support/tcp-line.ts";

const STATEMENT_MS = 1_000;
/** As many as the ledger has connections for. */
const AT_ONCE = 10;
const ALL = {
  fulfilled: Array.from({ length: 2 * AT_ONCE }, () => "fulfilled"),
  rejected: Array.from({ length: 2 * AT_ONCE }, () => "rejected"),
};

/** A ledger with all its connections open, over a line of its own. */
async function openOverLine() {
  const database = await createTestDatabase(inject("postgresUrl") ?? "");
  onTestFinished(() => database.drop());
  const line = await layLine(Number(new URL(database.url).port));
  await line.mend();
  onTestFinished(() => line.cut());
  const through = new URL(database.url);
  through.port = String(line.port);
  const told: unknown[] = [];
  const log = { ...silentLog, warn: (event: string, fields?: object) => told.push({ event, ...fields }) };
  const { db, work, close } = await openLedger(through.href, log, STATEMENT_MS);
  onTestFinished(close);
  const ask = async (): Promise<unknown> => await db.execute(sql`select pg_sleep(0.05)`);
  const askInTransaction = async (): Promise<unknown> =>
    await work.transaction(async (tx) => await tx.execute(sql`select pg_sleep(0.05)`));
  const askAll = async (): Promise<readonly string[]> => {
    const all = Array.from({ length: AT_ONCE }, () => [ask(), askInTransaction()]).flat();
    return (await Promise.allSettled(all)).map(({ status }) => status);
  };
  expect(await askAll()).toEqual(ALL.fulfilled);
  return { line, told, ask, askAll };
}

describe.skipIf(inject("postgresUrl") === undefined)("connections that a router forgot", () => {
  test("are given up, by statements and transactions alike, and all goes on with new ones", async () => {
    const { line, told, askAll } = await openOverLine();
    line.strand();
    expect(await askAll()).toEqual(ALL.rejected);
    expect(await askAll()).toEqual(ALL.fulfilled);
    expect(told.at(0)).toEqual({ event: "ledger.connection_lost", message: "no answer for 1.25 s; taken for lost" });
  });

  test("cost one who asks their answer, not ten one after the other", async () => {
    const { line, ask } = await openOverLine();
    line.strand();
    await expect(ask()).rejects.toThrow();
    for (let nth = 0; nth < AT_ONCE; nth += 1) await ask();
  });
});

test.skipIf(inject("postgresUrl") === undefined)(
  "a statement that takes longer than it may is ended where it runs, and its connection goes on",
  async () => {
    const database = await createTestDatabase(inject("postgresUrl") ?? "");
    onTestFinished(() => database.drop());
    const told: string[] = [];
    const { db, close } = await openLedger(database.url, { ...silentLog, warn: (event) => told.push(event) }, 300);
    onTestFinished(close);
    await expect(db.execute(sql`select pg_sleep(60)`)).rejects.toMatchObject({ cause: { code: "57014" } });
    await db.execute(sql`select 1`);
    expect(told).toEqual([]);
  },
);
