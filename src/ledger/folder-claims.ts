import { eq, sql } from "drizzle-orm";
import { builtOnce } from "./built-once.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { folderClaims } from "./schema.ts";

const ofFolder = builtOnce((db) =>
  db
    .select()
    .from(folderClaims)
    .where(eq(folderClaims.folderNodeId, sql.placeholder("folderNodeId")))
    .prepare(UNNAMED),
);

/** The run a folder belongs to, where its name does not tell; undefined when it is nobody's. */
export async function findFolderOwner(db: Db, folderNodeId: string): Promise<string | undefined> {
  const [claim] = await ofFolder(db).execute({ folderNodeId });
  return claim?.runId;
}

/** Gives a folder to a run, unless another has it. @returns whether it is the run's now */
export async function claimFolder(db: Db, folderNodeId: string, runId: string): Promise<boolean> {
  await db.insert(folderClaims).values({ folderNodeId, runId }).onConflictDoNothing();
  return (await findFolderOwner(db, folderNodeId)) === runId;
}
