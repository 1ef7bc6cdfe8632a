import { builtOnce } from "./built-once.ts";
import { doTogether } from "./do-together.ts";
import { keyAmong } from "./lines.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { folderClaims } from "./schema.ts";

const ownerOf = builtOnce((db) => {
  const statement = db.select().from(folderClaims).where(keyAmong(folderClaims.folderNodeId, "ids")).prepare(UNNAMED);
  return doTogether(
    async (ids: readonly string[]) => {
      const owners = new Map(
        (await statement.execute({ ids: JSON.stringify(ids) })).map((row) => [row.folderNodeId, row.runId]),
      );
      return ids.map((id) => owners.get(id));
    },
    { isRead: true },
  );
});

/** The run a folder belongs to, where its name does not tell; undefined when it is nobody's. */
export const findFolderOwner = (db: Db, folderNodeId: string): Promise<string | undefined> => ownerOf(db)(folderNodeId);

/** Gives a folder to a run, unless another has it. @returns whether it is the run's now */
export async function claimFolder(db: Db, folderNodeId: string, runId: string): Promise<boolean> {
  await db.insert(folderClaims).values({ folderNodeId, runId }).onConflictDoNothing();
  return (await findFolderOwner(db, folderNodeId)) === runId;
}
