import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { inject } from "vitest";
import { relayEnvironment } from "./relay-environment.ts";
import { createDatabase, MADE_DATABASE, startPostgres, type TestServer } from "./servers.ts";

const MAKER = fileURLToPath(new URL("./make-ledger.ts", import.meta.url));

/** Makes a ledger, with the queue in it, that nobody opens: making one computes for seconds, a copy is there at once. */
async function makeLedger(url: string): Promise<void> {
  await promisify(execFile)(process.execPath, [MAKER, url], { env: relayEnvironment({}) });
}

/** A PostgreSQL with such a ledger in it, which `createTestDatabase` copies. */
export async function startPostgresWithLedger(): Promise<TestServer> {
  const postgres = await startPostgres();
  try {
    await makeLedger(await createDatabase(postgres.url, MADE_DATABASE));
    return postgres;
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

/** An embedded one. */
export async function makeLedgerFolder(): Promise<{ readonly folder: string; remove(): void }> {
  const place = mkdtempSync(join(tmpdir(), "relay-made-ledger-"));
  const remove = (): void => rmSync(place, { recursive: true, force: true });
  const folder = join(place, "data");
  try {
    await makeLedger(`pglite:${folder}`);
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, remove };
}

/** A ledger of its own: migrated, and without a row. @returns its URL */
export function copyMadeLedger(folder: string): string {
  cpSync(inject("madeLedger"), folder, { recursive: true });
  return `pglite:${folder}`;
}
