import { PGlite } from "@electric-sql/pglite";

/**
 * PostgreSQL's own default of 128 MB for its cache, and as much for each `VACUUM` and index, is for a server that has the
 * machine to itself; here the files are in the cache of the system as well. With 32 MB the indexes that each delivery
 * adds to stay in it: with 8 MB their pages were read and written again and again, a tenth of what taking one in
 * computed. What is not used takes no memory.
 */
const SMALL = ["shared_buffers=32MB", "wal_buffers=512kB", "maintenance_work_mem=16MB"];

/** Longer than anybody waits; it is never due. */
const LONG_MS = 3_600_000;

/**
 * Opens the embedded database of a folder; where there is none, it is made.
 *
 * Meanwhile a timer keeps the event loop going. With nothing but a compilation under way Node (24.21) leaves its loop,
 * and does not come back before V8's helper threads have nothing left to do: they go on to compile better what runs
 * hot, such as the redoing of the log after a kill, and for up to a second no connection was taken.
 */
export async function openSmall(folder: string): Promise<PGlite> {
  const going = setInterval(() => undefined, LONG_MS);
  try {
    return await PGlite.create({ dataDir: folder, postgresqlconf: SMALL });
  } finally {
    clearInterval(going);
  }
}

/** Makes an embedded database in an empty folder, and leaves it there whole. */
export async function makeFolder(folder: string): Promise<void> {
  await (await openSmall(folder)).close();
}
