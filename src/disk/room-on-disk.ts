import { statfs } from "node:fs/promises";
import { PermanentError } from "../errors.ts";

/** A disk that is full ends an embedded ledger; this is room for some hundred thousand events. */
export const LEAST_FREE_BYTES = 134_217_728;

const MIB = 1_048_576;

/** @returns bytes that this user may still write there */
export async function freeBytesAt(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/**
 * A new database takes a third of it, twice as much while it is made; and with less free nothing is taken in.
 * @throws {PermanentError} `ledger_unavailable` when there is less
 */
export async function requireRoom(folder: string): Promise<void> {
  const free = await freeBytesAt(folder);
  if (free >= LEAST_FREE_BYTES) return;
  throw new PermanentError(
    "ledger_unavailable",
    `${Math.floor(free / MIB)} MiB are free on the disk of the ledger folder ${folder}, and it takes ${LEAST_FREE_BYTES / MIB} to begin there`,
    { nextAction: "make room there, or keep the ledger on another disk (DATABASE_URL; of the demo: TMPDIR)" },
  );
}
