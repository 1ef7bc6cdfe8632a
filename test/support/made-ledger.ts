import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { inject } from "vitest";
import { relayEnvironment } from "./relay-environment.ts";

const MAKER = fileURLToPath(new URL("./make-ledger.ts", import.meta.url));

/** An embedded ledger that nobody opens: making one computes for seconds, a copy is there at once. */
export async function makeLedger(): Promise<{ readonly folder: string; remove(): void }> {
  const place = mkdtempSync(join(tmpdir(), "relay-made-ledger-"));
  const remove = (): void => rmSync(place, { recursive: true, force: true });
  const folder = join(place, "data");
  try {
    await promisify(execFile)(process.execPath, [MAKER, `pglite:${folder}`], { env: relayEnvironment({}) });
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
