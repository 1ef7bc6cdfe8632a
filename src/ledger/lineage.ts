import { asc, eq } from "drizzle-orm";
import { moreFilesOf } from "../text/files-words.ts";
import type { Db } from "./open-ledger.ts";
import { type RunRow, type RunStatus, runs } from "./schema.ts";

/** A run among those that it came from and that came of it. */
export type KinRun = {
  readonly id: string;
  readonly parentId: string | null;
  readonly rule: string;
  readonly file: string;
  readonly moreFiles: number;
  readonly status: RunStatus;
  /** How many runs came before it in its chain. */
  readonly depth: number;
};

/** More than this is not told of one run. */
const MAX_KIN = 200;
/** Longer chains than the rules file allows are taken for a loop. */
const MAX_CHAIN = 100;

type Kin = Pick<RunRow, "id" | "parentRunId" | "ruleName" | "fileName" | "fileCount" | "status" | "depth">;

const columns = {
  id: runs.id,
  parentRunId: runs.parentRunId,
  ruleName: runs.ruleName,
  fileName: runs.fileName,
  fileCount: runs.fileCount,
  status: runs.status,
  depth: runs.depth,
};

/** The runs whose outputs led to a run, the first one first; the run itself is the last. */
export async function readChain(db: Db, run: Kin): Promise<readonly [Kin, ...Kin[]]> {
  const chain: [Kin, ...Kin[]] = [run];
  while (chain.length < MAX_CHAIN && chain[0].parentRunId !== null) {
    const [parent] = await db.select(columns).from(runs).where(eq(runs.id, chain[0].parentRunId)).limit(1);
    if (!parent || chain.some(({ id }) => id === parent.id)) break;
    chain.unshift(parent);
  }
  return chain;
}

/** The whole family of a run, parents before their children: its chain, and all that came of its first run. */
export async function readFamily(db: Db, run: Kin): Promise<readonly KinRun[]> {
  const [first] = await readChain(db, run);
  const family: Kin[] = [first];
  for (const parent of family) {
    if (family.length >= MAX_KIN) break;
    const children = await db
      .select(columns)
      .from(runs)
      .where(eq(runs.parentRunId, parent.id))
      .orderBy(asc(runs.createdAtMs), asc(runs.id))
      .limit(MAX_KIN - family.length);
    family.push(...children.filter(({ id }) => family.every((known) => known.id !== id)));
  }
  return family.map(({ id, parentRunId, ruleName, fileName, fileCount, status, depth }) => ({
    id,
    parentId: parentRunId,
    rule: ruleName,
    file: fileName,
    moreFiles: moreFilesOf({ fileCount }),
    status,
    depth,
  }));
}
