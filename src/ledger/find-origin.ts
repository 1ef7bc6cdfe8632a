import { and, desc, eq, isNotNull, isNull, sql } from "drizzle-orm";
import { unionAll } from "drizzle-orm/pg-core";
import { storageOfDelivery } from "../rules/delivery-storage.ts";
import { builtOnce } from "./built-once.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { earlierOutputs, outputs, type RunRow, runs } from "./schema.ts";

/** What is asked of such a run. */
export type OriginRun = Pick<RunRow, keyof typeof FEW>;

const FEW = {
  id: runs.id,
  parentRunId: runs.parentRunId,
  ruleName: runs.ruleName,
  fileName: runs.fileName,
  fileCount: runs.fileCount,
  status: runs.status,
  queue: runs.queue,
  depth: runs.depth,
};

/** The run that a file in Fast.io stems from. */
export type Origin = {
  /** `beside_outputs`: it lies where the run puts its outputs, and is none that is known. */
  readonly kind: "output" | "beside_outputs";
  readonly run: OriginRun;
  /** The run is putting outputs there right now: this may be one of them. */
  readonly isBeingPlaced: boolean;
};

/**
 * Which run a node stems from: it is an output the relay placed, or stands in a folder it made for one, or in the own
 * storage of a share it made for one.
 * @param file ids as `normaliseOpaqueId` spells them; `shareId`: the share whose own storage it lies in
 */
export async function findOrigin(
  db: Db,
  file: {
    readonly nodeId: string;
    readonly name: string;
    readonly ancestorIds: readonly string[];
    readonly shareId: string | undefined;
  },
): Promise<Origin | undefined> {
  const known = await findKnown(db, file);
  if (known?.kind === "output") return { ...known, isBeingPlaced: false };
  const home = known?.run ?? (await findShareRun(db, file));
  if (!home) return undefined;
  const waiting = home.queue === "shares" ? await namesToPlace(db, home.id) : [];
  return { kind: "beside_outputs", run: home, isBeingPlaced: waiting.length > 0 };
}

const knownOf = builtOnce((db) => {
  const output = { ...FEW, kind: sql<Origin["kind"]>`'output'`.as("kind") };
  const placed = (table: typeof outputs | typeof earlierOutputs) =>
    db
      .select(output)
      .from(table)
      .innerJoin(runs, eq(runs.id, table.runId))
      .where(eq(table.nodeId, sql.placeholder("nodeId")));
  const beside = db
    .select({ ...FEW, kind: sql<Origin["kind"]>`'beside_outputs'`.as("kind") })
    .from(runs)
    .where(
      and(isNotNull(runs.folderNodeId), sql`${runs.folderNodeId} = any(${sql.placeholder("ancestorIds")}::text[])`),
    );
  return unionAll(placed(outputs), placed(earlierOutputs), beside).orderBy(desc(sql`kind`)).limit(1).prepare(UNNAMED);
});

/** The run that placed this node as one of its outputs, now or before a replay; else one that has a folder above it. */
async function findKnown(
  db: Db,
  { nodeId, ancestorIds }: { readonly nodeId: string; readonly ancestorIds: readonly string[] },
): Promise<Pick<Origin, "kind" | "run"> | undefined> {
  const [found] = await knownOf(db).execute({ nodeId, ancestorIds });
  if (!found) return undefined;
  const { kind, ...run } = found;
  return { kind, run };
}

/** Into a share that takes files people upload too: there only what the run is about to place is its own. */
async function findShareRun(
  db: Db,
  { shareId, name }: { readonly shareId: string | undefined; readonly name: string },
): Promise<OriginRun | undefined> {
  if (shareId === undefined) return undefined;
  const [found] = await db
    .select({ ...FEW, rule: runs.rule })
    .from(runs)
    .where(eq(runs.shareId, shareId))
    .limit(1);
  if (!found) return undefined;
  const { rule, ...run } = found;
  if (storageOfDelivery(rule.deliver) === "folder") return undefined;
  const isOurs = rule.deliver.type === "send" || (await namesToPlace(db, run.id)).includes(name);
  return isOurs ? run : undefined;
}

/** Outputs that the ledger does not know the place of. */
async function namesToPlace(db: Db, runId: string): Promise<readonly string[]> {
  const waiting = await db
    .select({ name: outputs.name })
    .from(outputs)
    .where(and(eq(outputs.runId, runId), isNull(outputs.nodeId)));
  return waiting.map(({ name }) => name);
}
