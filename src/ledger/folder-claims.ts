import { eq } from "drizzle-orm";
import type { Db } from "./open-ledger.ts";
import { folderClaims } from "./schema.ts";

/** The run a folder belongs to, where its name does not tell; undefined when it is nobody's. */
export async function findFolderOwner(db: Db, folderNodeId: string): Promise<string | undefined> {
  const [claim] = await db.select().from(folderClaims).where(eq(folderClaims.folderNodeId, folderNodeId));
  return claim?.runId;
}

/** Gives a folder to a run, unless another has it. @returns whether it is the run's now */
export async function claimFolder(db: Db, folderNodeId: string, runId: string): Promise<boolean> {
  await db.insert(folderClaims).values({ folderNodeId, runId }).onConflictDoNothing();
  return (await findFolderOwner(db, folderNodeId)) === runId;
}
