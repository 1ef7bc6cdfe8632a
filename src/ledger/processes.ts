import { eq, lt, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { type ProcessRow, processes } from "./schema.ts";

const KEEP_MS = 7 * 86_400_000;

/** Makes a process known; those of long ago are forgotten. */
export async function addProcess(db: Db, process: Omit<ProcessRow, "endedAtMs">): Promise<void> {
  await db.delete(processes).where(lt(processes.seenAtMs, process.seenAtMs - KEEP_MS));
  await db.insert(processes).values(process);
}

/** Known anew where it is not known any more: a ledger may be put back, or made anew, under a process at work. */
export async function renewProcess(db: Db, process: Omit<ProcessRow, "endedAtMs">): Promise<void> {
  const renewed = await renewing(db).execute({ id: process.id, nowMs: process.seenAtMs });
  if (renewed.length === 0) await addProcess(db, process);
}

const renewing = builtOnce((db) =>
  db
    .update(processes)
    .set({ seenAtMs: sql`${sql.placeholder("nowMs")}` })
    .where(eq(processes.id, sql.placeholder("id")))
    .returning({ id: processes.id })
    .prepare(UNNAMED),
);

export async function endProcess(db: Db, id: string, nowMs: number): Promise<void> {
  await db.update(processes).set({ seenAtMs: nowMs, endedAtMs: nowMs }).where(eq(processes.id, id));
}

/** Ends all of them: right after start on an embedded ledger, whose only user is this process. */
export async function endAllProcesses(db: Db, nowMs: number): Promise<void> {
  await db.update(processes).set({ endedAtMs: nowMs });
}

export const listProcesses = (db: Db): Promise<readonly ProcessRow[]> => db.select().from(processes);
