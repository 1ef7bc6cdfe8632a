import { and, eq, isNull, sql } from "drizzle-orm";
import { storageOfDelivery } from "../rules/delivery-storage.ts";
import { builtOnce } from "./built-once.ts";
import { doTogether } from "./do-together.ts";
import { linesOf, rowOf } from "./lines.ts";
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
  const known = await knownOf(db)(file);
  if (known?.kind === "output") return { ...known, isBeingPlaced: false };
  const home = known?.run ?? (await findShareRun(db, file));
  if (!home) return undefined;
  const waiting = home.queue === "shares" ? await namesToPlace(db, home.id) : [];
  return { kind: "beside_outputs", run: home, isBeingPlaced: waiting.length > 0 };
}

const NODE = { place: "integer", node_id: "text", ancestor_ids: "text[]" } as const;

type Known = Pick<Origin, "kind" | "run">;
type AskedNode = { readonly nodeId: string; readonly ancestorIds: readonly string[] };

/** The run that placed this node as one of its outputs, now or before a replay; else one that has a folder above it. */
const knownOf = builtOnce((db) => {
  const few = sql.raw(
    Object.values(FEW)
      .map(({ name }) => `run.${name}`)
      .join(", "),
  );
  const placed = (table: typeof outputs | typeof earlierOutputs) =>
    sql`select 'output' as kind, ${few} from ${table} placed join ${runs} run on run.id = placed.run_id where placed.node_id = line.node_id`;
  const statement = db
    .select({ place: sql<number>`line.place`, known: sql<Readonly<Record<string, unknown>>>`to_json(known)` })
    .from(
      sql`${linesOf("lines", NODE)} cross join lateral (
        ${placed(outputs)} union all ${placed(earlierOutputs)} union all
        select 'beside_outputs', ${few} from ${runs} run
        where run.folder_node_id is not null and run.folder_node_id = any(line.ancestor_ids)
        order by kind desc limit 1) known`,
    )
    .prepare(UNNAMED);
  return doTogether(
    async (all: readonly AskedNode[]): Promise<readonly (Known | undefined)[]> => {
      const lines = all.map(({ nodeId, ancestorIds }, place) => ({
        place,
        node_id: nodeId,
        ancestor_ids: ancestorIds,
      }));
      const found = await statement.execute({ lines: JSON.stringify(lines) });
      const knownAt = new Map(found.map(({ place, known }) => [place, known]));
      return all.map((_asked, place) => {
        const known = knownAt.get(place);
        return known && { kind: known["kind"] as Origin["kind"], run: rowOf<OriginRun>(FEW, known) }; // as the statement says
      });
    },
    { isRead: true },
  );
});

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
