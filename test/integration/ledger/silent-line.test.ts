import { sql } from "drizzle-orm";
import { expect, inject, onTestFinished, test } from "vitest";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createTestDatabase } from "../../support/servers.ts";
import { SOON } from "../../support/soon.ts";
import { layLine } from "../../support/tcp-line.ts";

const STATEMENT_MS = 1_000;
/** As many as the ledger has connections for. */
const AT_ONCE = 10;

test.skipIf(inject("postgresUrl") === undefined)(
  "connections that a router forgot are given up, statements and transactions alike, and all goes on with new ones",
  async () => {
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
      await work.transaction(async (tx) => {
        await tx.execute(sql`select pg_sleep(0.05)`);
      });
    const askAll = () => Promise.allSettled(Array.from({ length: AT_ONCE }, () => [ask(), askInTransaction()]).flat());
    const answers = async () => (await askAll()).map(({ status }) => status);
    const all = Array.from({ length: 2 * AT_ONCE }, () => "fulfilled");

    expect(await answers()).toEqual(all);
    line.strand();
    const lost = await askAll();
    for (const one of lost) expect(one).toMatchObject({ status: "rejected" });
    expect(await answers()).toEqual(all);
    expect(told.at(0)).toEqual({
      event: "ledger.connection_lost",
      message: "no answer for 1.25 s; taken for lost",
    });
  },
  SOON.timeout,
);

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
