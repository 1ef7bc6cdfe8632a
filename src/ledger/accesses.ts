import { and, asc, count, desc, eq, gt, gte, inArray, isNull, or, type SQL, sql } from "drizzle-orm";
import { hashParts } from "../fastio/events/event-keys.ts";
import { normaliseOpaqueId } from "../fastio/opaque-id.ts";
import { type AccessKind, isAccess } from "./access-kinds.ts";
import { builtOnce } from "./built-once.ts";
import { UNNAMED } from "./name-statements.ts";
import type { Db } from "./open-ledger.ts";
import { type AccessRow, accesses, earlierOutputs, outputs, type RunRow, runs } from "./schema.ts";

/** What an event says, wherever it came from. Times are milliseconds since the epoch. */
export type AccessFact = {
  /** The event's own id. */
  readonly id: string;
  readonly type: string;
  readonly shareId?: string | null | undefined;
  readonly objectId?: string | null | undefined;
  readonly actorUserId?: string | null | undefined;
  readonly occurredAtMs: number;
};

/** Which way it came. */
export type AccessSource = "webhook" | "search";

/** Runs that one event is told of at most: several may have put their outputs into one folder. */
const MAX_RUNS = 50;

type Accessed = Pick<RunRow, "id" | "ruleName">;

/**
 * Writes down an event that tells of an access, for each run whose results it concerns. Told again, by the same or
 * another way, it adds what was not known before.
 * @returns how many lines are new
 */
export async function recordAccess(db: Db, fact: AccessFact, source: AccessSource, nowMs: number): Promise<number> {
  const kind = fact.type;
  // A line without an id of its own could not be told from the same one found by search, which has its id.
  if (!isAccess(kind) || fact.id.startsWith("derived-")) return 0;
  let fresh = 0;
  for (const run of await findAccessed(db, kind, fact)) fresh += await recordFor(db, run, kind, fact, source, nowMs);
  return fresh;
}

/** The same, for an event that is known to concern this run's share. @returns whether it is new: 0 or 1 */
export async function recordFor(
  db: Db,
  run: Accessed,
  kind: AccessKind,
  fact: AccessFact,
  source: AccessSource,
  nowMs: number,
): Promise<number> {
  const objectId = fact.objectId ? normaliseOpaqueId(fact.objectId) : null;
  const [line] = await db
    .insert(accesses)
    .values({
      key: `ac-${hashParts(run.id, normaliseOpaqueId(fact.id))}`,
      runId: run.id,
      ruleName: run.ruleName,
      kind,
      shareId: fact.shareId ?? null,
      objectId,
      objectName: objectId === null ? null : await findOutputName(db, run.id, objectId),
      actorUserId: fact.actorUserId ?? null,
      atMs: fact.occurredAtMs,
      deliveredAtMs: source === "webhook" ? nowMs : null,
      searchedAtMs: source === "search" ? nowMs : null,
    })
    .onConflictDoUpdate({
      target: accesses.key,
      set: {
        shareId: sql`coalesce(${accesses.shareId}, excluded.share_id)`,
        objectId: sql`coalesce(${accesses.objectId}, excluded.object_id)`,
        objectName: sql`coalesce(${accesses.objectName}, excluded.object_name)`,
        actorUserId: sql`coalesce(${accesses.actorUserId}, excluded.actor_user_id)`,
        deliveredAtMs: sql`coalesce(${accesses.deliveredAtMs}, excluded.delivered_at_ms)`,
        searchedAtMs: sql`coalesce(${accesses.searchedAtMs}, excluded.searched_at_ms)`,
      },
    })
    .returning({ isNew: sql<boolean>`xmax = 0` });
  return line?.isNew ? 1 : 0;
}

async function findAccessed(db: Db, kind: AccessKind, fact: AccessFact): Promise<readonly Accessed[]> {
  const which = { id: runs.id, ruleName: runs.ruleName };
  const shareId = fact.shareId ?? (kind.startsWith("fileshare.") ? fact.objectId : null);
  if (shareId) return db.select(which).from(runs).where(eq(runs.shareId, shareId)).limit(MAX_RUNS);
  if (!fact.objectId) return [];
  const nodeId = normaliseOpaqueId(fact.objectId);
  if (kind === "folder.downloaded")
    return db.select(which).from(runs).where(eq(runs.folderNodeId, nodeId)).limit(MAX_RUNS);
  if (kind !== "file.accessed") return [];
  const holders = db
    .select({ runId: outputs.runId })
    .from(outputs)
    .where(eq(outputs.nodeId, nodeId))
    .union(db.select({ runId: earlierOutputs.runId }).from(earlierOutputs).where(eq(earlierOutputs.nodeId, nodeId)));
  return db.select(which).from(runs).where(inArray(runs.id, holders)).limit(MAX_RUNS);
}

async function findOutputName(db: Db, runId: string, nodeId: string): Promise<string | null> {
  for (const table of [outputs, earlierOutputs]) {
    const [found] = await db
      .select({ name: table.name })
      .from(table)
      .where(and(eq(table.runId, runId), eq(table.nodeId, nodeId)))
      .limit(1);
    if (found) return found.name;
  }
  return null;
}

export type AccessFilter = {
  readonly runId?: string | undefined;
  readonly shareId?: string | undefined;
  readonly ruleName?: string | undefined;
  readonly sinceMs?: number | undefined;
};

const filtered = ({ runId, shareId, ruleName, sinceMs }: AccessFilter): SQL | undefined =>
  and(
    runId === undefined ? undefined : eq(accesses.runId, runId),
    shareId === undefined ? undefined : eq(accesses.shareId, shareId),
    ruleName === undefined ? undefined : eq(accesses.ruleName, ruleName),
    sinceMs === undefined ? undefined : gte(accesses.atMs, sinceMs),
  );

/** The latest first. */
export function listLatestAccesses(db: Db, filter: AccessFilter, limit: number): Promise<AccessRow[]> {
  return db
    .select()
    .from(accesses)
    .where(filtered(filter))
    .orderBy(desc(accesses.atMs), desc(accesses.key))
    .limit(limit);
}

export async function countAccesses(db: Db, filter: AccessFilter): Promise<number> {
  return db.$count(accesses, filtered(filter));
}

/** How many accesses each of these runs has; a run without any is not among them. */
export async function countAccessesOfRuns(db: Db, runIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (runIds.length === 0) return new Map();
  const rows = await db
    .select({ runId: accesses.runId, count: count() })
    .from(accesses)
    .where(inArray(accesses.runId, [...runIds]))
    .groupBy(accesses.runId);
  return new Map(rows.map((row) => [row.runId, row.count]));
}

/** Oldest first, page by page: as many as there are, never more than a page in memory. */
export async function* readAccesses(db: Db, filter: AccessFilter, pageRows = 500): AsyncGenerator<AccessRow> {
  let last: AccessRow | undefined;
  for (;;) {
    const after: SQL | undefined = last
      ? or(gt(accesses.atMs, last.atMs), and(eq(accesses.atMs, last.atMs), gt(accesses.key, last.key)))
      : undefined;
    const page = await db
      .select()
      .from(accesses)
      .where(and(filtered(filter), after))
      .orderBy(asc(accesses.atMs), asc(accesses.key))
      .limit(pageRows);
    yield* page;
    last = page.at(-1);
    if (page.length < pageRows) return;
  }
}

const ABOUT_PEOPLE: readonly AccessKind[] = [
  "member.added",
  "member.removed",
  "invitation.sent",
  "invitation.accepted",
  "invitation.declined",
];

/** Whether somebody stands in the lines of a run whose address is not known. */
export async function hasUnnamedPeople(db: Db, runId: string): Promise<boolean> {
  return (await unnamedPeople(db).execute({ runId })).length > 0;
}

const unnamedPeople = builtOnce((db) =>
  db
    .select({ key: accesses.key })
    .from(accesses)
    .where(
      and(
        eq(accesses.runId, sql.placeholder("runId")),
        or(
          and(sql`${accesses.actorUserId} is not null`, isNull(accesses.actorEmail)),
          and(inArray(accesses.kind, [...ABOUT_PEOPLE]), isNull(accesses.objectName)),
        ),
      ),
    )
    .limit(1)
    .prepare(UNNAMED),
);

/** Users who acted on what a run delivered and whose address is not known. */
export async function listUnnamedActors(db: Db, runId: string, limit: number): Promise<readonly string[]> {
  const rows = await db
    .selectDistinct({ userId: accesses.actorUserId })
    .from(accesses)
    .where(and(eq(accesses.runId, runId), sql`${accesses.actorUserId} is not null`, isNull(accesses.actorEmail)))
    .limit(limit);
  return rows.flatMap(({ userId }) => userId ?? []);
}

/** Writes a person's address into the lines of a run that name only an id: of a user, or of an invitation. */
export async function namePerson(db: Db, runId: string, told: string, email: string): Promise<void> {
  const id = normaliseOpaqueId(told);
  await db
    .update(accesses)
    .set({ actorEmail: email })
    .where(and(eq(accesses.runId, runId), eq(accesses.actorUserId, id), isNull(accesses.actorEmail)));
  await db
    .update(accesses)
    .set({ objectName: email })
    .where(
      and(
        eq(accesses.runId, runId),
        eq(accesses.objectId, id),
        inArray(accesses.kind, [...ABOUT_PEOPLE]),
        isNull(accesses.objectName),
      ),
    );
}

/** Forgets lines from before a moment whose run is forgotten. @returns how many */
export async function forgetAccesses(
  db: Pick<Db, "delete" | "select">,
  beforeMs: number,
  limit: number,
): Promise<number> {
  const old = db
    .select({ key: accesses.key })
    .from(accesses)
    .leftJoin(runs, eq(runs.id, accesses.runId))
    .where(and(sql`${accesses.atMs} < ${beforeMs}`, isNull(runs.id)))
    .limit(limit);
  return (await db.delete(accesses).where(inArray(accesses.key, old)).returning({ key: accesses.key })).length;
}
