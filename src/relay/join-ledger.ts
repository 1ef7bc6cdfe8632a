import { PermanentError } from "../errors.ts";
import { dropAllLeases } from "../ledger/leases.ts";
import { mayWrite, READ_ONLY, READ_ONLY_REMEDY } from "../ledger/may-write.ts";
import { type Db, type Ledger, openLedger } from "../ledger/open-ledger.ts";
import { endAllProcesses } from "../ledger/processes.ts";
import { releaseTellings } from "../ledger/receipts.ts";
import { releaseAllLeases } from "../ledger/run-leases.ts";
import { releaseToolRequests } from "../ledger/tool-requests.ts";
import { type AnnounceDeps, announceProcess } from "../processes/announce-process.ts";

export type JoinDeps = Omit<AnnounceDeps, "db"> & {
  readonly config: { readonly ledger: { readonly url: string } };
};

/**
 * Opens the ledger and takes this process's place among those that share it.
 * @throws {PermanentError} as `openLedger`, and `ledger_unavailable` when it takes no changes
 * @returns the ledger, and what leaves the others to it and closes it
 */
export async function joinLedger(
  deps: JoinDeps,
  parts: Parameters<typeof announceProcess>[1],
): Promise<{ readonly ledger: Ledger; readonly leave: () => Promise<void> }> {
  const { url } = deps.config.ledger;
  const ledger = await openLedger(url, deps.log);
  const { db } = ledger;
  const ends: (() => Promise<void>)[] = [ledger.close];
  const leave = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    if (!(await mayWrite(db)))
      throw new PermanentError("ledger_unavailable", `PostgreSQL ${READ_ONLY}`, { nextAction: READ_ONLY_REMEDY });
    if (ledger.kind === "pglite") await endTheDead(db, deps.clock.now());
    ends.push(await announceProcess({ ...deps, db }, parts));
    if (ledger.kind === "postgres") {
      const { startBuildingIndexes } = await import("../ledger/build-indexes.ts");
      ends.push(startBuildingIndexes({ ...deps, db, url }));
    }
    return { ledger, leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** Nobody else can hold a lease on an embedded ledger: what is left of them belongs to a dead process. */
async function endTheDead(db: Db, nowMs: number): Promise<void> {
  await releaseAllLeases(db);
  await dropAllLeases(db);
  await releaseTellings(db);
  await releaseToolRequests(db);
  await endAllProcesses(db, nowMs);
}
