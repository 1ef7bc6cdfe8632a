import { PGlite } from "@electric-sql/pglite";

/**
 * PostgreSQL's own default of 128 MB for its cache, and as much for each `VACUUM` and index, is for a server that has the
 * machine to itself; here the files are in the cache of the system as well.
 */
const SMALL = ["shared_buffers=8MB", "wal_buffers=512kB", "maintenance_work_mem=16MB"];

/** Opens the embedded database of a folder; where there is none, it is made. */
export const openSmall = (folder: string): Promise<PGlite> => PGlite.create({ dataDir: folder, postgresqlconf: SMALL });

/** Makes an embedded database in an empty folder, and leaves it there whole. */
export async function makeFolder(folder: string): Promise<void> {
  await (await openSmall(folder)).close();
}
