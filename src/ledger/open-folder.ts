import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PGlite } from "@electric-sql/pglite";
import { reuseStatements } from "./reuse-statements.ts";

/**
 * PostgreSQL's own default of 128 MB for its cache, and as much for each `VACUUM` and index, is for a server that has the
 * machine to itself; here the files are in the cache of the system as well.
 */
const SMALL = ["shared_buffers=16MB", "wal_buffers=1MB", "maintenance_work_mem=16MB"];

/**
 * Opens an embedded database, or makes a new one. The caller holds the folder's lock.
 *
 * Making one writes a thousand files. A process killed in the middle leaves a folder that PGlite takes for whole
 * and cannot start from, so a mark beside the folder says that it is not finished; then it is made anew.
 */
export async function openFolder(folder: string): Promise<PGlite> {
  const { PGlite } = await import("@electric-sql/pglite");
  const unfinished = `${folder}.unfinished`;
  if (existsSync(unfinished)) empty(folder);
  // Only a folder that held nothing is marked: nothing else is ever thrown away.
  if (namesIn(folder).length === 0)
    writeFileSync(unfinished, "This database was not finished; it holds nothing yet.\n");
  // It tells of files and people: whoever else has an account on this machine is not to read it.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const pglite = await PGlite.create({ dataDir: folder, postgresqlconf: SMALL });
  rmSync(unfinished, { force: true });
  await reuseStatements(pglite);
  return pglite;
}

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** What is in it, not the folder itself: that may be a mount point. */
function empty(folder: string): void {
  for (const name of namesIn(folder)) rmSync(join(folder, name), { recursive: true, force: true });
}
