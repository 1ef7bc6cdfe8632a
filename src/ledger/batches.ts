import { createHash } from "node:crypto";
import { and, eq, inArray, isNotNull, isNull, lte, max, ne, sql } from "drizzle-orm";
import { DEFAULT_BATCH } from "../rules/rule.ts";
import { deriveBatchId } from "../run-id.ts";
import { heldByFlood } from "./flood.ts";
import { NO_FAULT } from "./no-fault.ts";
import type { Db } from "./open-ledger.ts";
import { isReadAfter } from "./readings.ts";
import { listFiles, recountFiles } from "./run-files.ts";
import { moveNames, nameRuns } from "./run-names.ts";
import { type NewRun, type RunRow, runFiles, runs } from "./schema.ts";
import { asSkipped, NEWER_CAME } from "./supersede.ts";
import { type Made, madeBefore, type WantedRun } from "./wanted-run.ts";

/**
 * Gives a file its place in the batch that is being gathered, or begins one. A file version of a rule is in one batch
 * at most, whatever is repeated. To be called while the rule is locked.
 * @param wanted the run the file would have alone; its id names the file among all batches
 */
export async function joinBatch(tx: Db, wanted: WantedRun, nowMs: number, floodHold: number): Promise<Made> {
  const [known] = await tx
    .select({ runId: runFiles.runId, eventKey: runFiles.eventKey })
    .from(runFiles)
    .where(eq(runFiles.fileKey, wanted.id))
    // The rule may have run its files one by one before.
    .unionAll(tx.select({ runId: runs.id, eventKey: runs.eventKey }).from(runs).where(eq(runs.id, wanted.id)));
  if (known) return madeBefore(known, wanted);
  if (await isOlder(tx, wanted)) return { reason: "a newer version of the file is in a batch already" };
  const emptied = await leaveOutOlder(tx, wanted);
  const made = await takePlace(tx, wanted, nowMs, floodHold);
  await skipEmptied(
    tx,
    emptied.filter((id) => id !== made.run?.id),
    nowMs,
  );
  return made;
}

async function takePlace(tx: Db, wanted: WantedRun, nowMs: number, floodHold: number): Promise<Made> {
  const { quietMs, maxFiles } = wanted.rule.run.batch ?? DEFAULT_BATCH;
  const gatheringKey = gatheringKeyOf(wanted);
  const settledAtMs = wanted.dueAtMs ?? 0;
  const dueAtMs = Math.max(nowMs + quietMs, settledAtMs);
  const open = await findOpen(tx, gatheringKey, nowMs);
  const place = open ? await nextPlace(tx, open.id) : 0;
  const isFull = place + 1 >= maxFiles;
  const gathering = isFull ? { gatheringKey: null, dueAtMs: settledAtMs } : { gatheringKey, dueAtMs };

  // It may have been closed since it was read: then the file is the first of the next one.
  const [joined] = open
    ? await tx
        .update(runs)
        .set({
          ...gathering,
          fileCount: sql`${runs.fileCount} + 1`,
          // Of outputs of several runs the longest chain counts.
          depth: sql`greatest(${runs.depth}, ${wanted.depth ?? 0})`,
          updatedAtMs: nowMs,
        })
        .where(and(eq(runs.id, open.id), eq(runs.gatheringKey, gatheringKey)))
        .returning()
    : [];
  if (joined) {
    await addFile(tx, joined, place, wanted);
    return { run: joined };
  }
  const { fileHash: _hash, ...first } = wanted;
  const alone = maxFiles === 1 ? { gatheringKey: null, dueAtMs: settledAtMs } : { gatheringKey, dueAtMs };
  const [begun] = await tx
    .insert(runs)
    .values({
      ...first,
      ...alone,
      id: deriveBatchId(wanted.id),
      fileCount: 1,
      progress: "waits for more files",
      ...(await heldByFlood(tx, wanted.ruleName, floodHold)),
    })
    .returning();
  if (!begun) throw new Error("a batch vanished while it was made");
  await addFile(tx, begun, 0, wanted);
  return { run: begun };
}

/** Files of one upload: the same rule, workspace or share, folder and person. */
function gatheringKeyOf({ ruleName, workspaceId, sourceShareId, folderPath, actorUserId }: NewRun): string {
  return createHash("sha256")
    .update(JSON.stringify([ruleName, workspaceId, sourceShareId ?? "", folderPath, actorUserId ?? ""]))
    .digest("base64url");
}

/** The batch that still takes files. One that ended otherwise, such as by a cancellation, takes none. */
async function findOpen(tx: Db, gatheringKey: string, nowMs: number): Promise<RunRow | undefined> {
  const [open] = await tx.select().from(runs).where(eq(runs.gatheringKey, gatheringKey)).for("update");
  if (!open || ((open.status === "queued" || open.status === "held") && open.cancelAskedAtMs === null)) return open;
  await tx.update(runs).set({ gatheringKey: null, updatedAtMs: nowMs }).where(eq(runs.id, open.id));
  return undefined;
}

async function nextPlace(tx: Db, runId: string): Promise<number> {
  const [last] = await tx
    .select({ ordinal: max(runFiles.ordinal) })
    .from(runFiles)
    .where(eq(runFiles.runId, runId));
  return (last?.ordinal ?? -1) + 1;
}

async function addFile(tx: Db, run: RunRow, ordinal: number, file: WantedRun): Promise<void> {
  await tx.insert(runFiles).values({
    fileKey: file.id,
    runId: run.id,
    ordinal,
    ruleName: file.ruleName,
    eventKey: file.eventKey,
    nodeId: file.nodeId,
    versionId: file.versionId ?? null,
    name: file.fileName,
    size: file.fileSize ?? null,
    mimeType: file.mimeType ?? null,
    hash: file.fileHash ?? null,
    seenAtMs: file.seenAtMs ?? file.createdAtMs,
    reading: file.reading ?? null,
  });
  await nameRuns(tx, [{ run, files: [{ ordinal, name: file.fileName }] }]);
}

async function isOlder(tx: Db, wanted: WantedRun): Promise<boolean> {
  const { ruleName, nodeId, seenAtMs, createdAtMs, reading } = wanted;
  const [newer] = await tx
    .select({ fileKey: runFiles.fileKey })
    .from(runFiles)
    .where(
      and(
        eq(runFiles.nodeId, nodeId),
        eq(runFiles.ruleName, ruleName),
        isReadAfter(runFiles, { reading: reading ?? null, seenAtMs: seenAtMs ?? createdAtMs }),
      ),
    )
    .limit(1);
  return newer !== undefined;
}

/**
 * Takes older versions of a file out of batches that nothing was asked of Dify for yet.
 * @returns the batches that have no file any more
 */
async function leaveOutOlder(tx: Db, { id, ruleName, nodeId }: WantedRun): Promise<readonly string[]> {
  const waiting = tx
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.id, runFiles.runId), isNull(runs.submittedAtMs), isNull(runs.finishedAtMs)));
  const left = await tx
    .update(runFiles)
    .set({ leftOut: NEWER_CAME })
    .where(
      and(
        eq(runFiles.nodeId, nodeId),
        eq(runFiles.ruleName, ruleName),
        ne(runFiles.fileKey, id),
        isNull(runFiles.leftOut),
        sql`exists ${waiting}`,
      ),
    )
    .returning({ runId: runFiles.runId });
  const emptied: string[] = [];
  for (const { runId } of left) if ((await recountFiles(tx, runId)) === 0) emptied.push(runId);
  return emptied;
}

/** A batch without files has nothing to run on, whether it still gathered or not: the newer file is in another one. */
async function skipEmptied(tx: Db, ids: readonly string[], nowMs: number): Promise<void> {
  if (ids.length === 0) return;
  await tx
    .update(runs)
    .set(asSkipped(nowMs))
    .where(and(inArray(runs.id, [...ids]), isNull(runs.submittedAtMs), isNull(runs.finishedAtMs)));
}

/** Ends the gathering of batches that no file came for any more: what comes from now on is in the next one. */
export async function closeBatches(db: Db, nowMs: number): Promise<number> {
  const closed = await db
    .update(runs)
    .set({ gatheringKey: null, progress: null })
    .where(and(isNotNull(runs.gatheringKey), lte(runs.dueAtMs, nowMs)))
    .returning({ id: runs.id });
  return closed.length;
}

/**
 * Cuts a batch that has more files than its app takes at a time: the first ones stay, the others become batches of
 * their own, in one transaction. A repeat finds nothing to cut.
 * @returns the new runs
 */
export function splitBatch(db: Db, runId: string, mostFiles: number, nowMs: number): Promise<readonly RunRow[]> {
  return db.transaction(async (tx) => {
    const [run] = await tx.select().from(runs).where(eq(runs.id, runId)).for("update");
    const files = await listFiles(tx, runId);
    if (!run || run.submittedAtMs !== null || files.length <= mostFiles) return [];
    const made: RunRow[] = [];
    for (let at = mostFiles; at < files.length; at += mostFiles) {
      const part = files.slice(at, at + mostFiles);
      const [first] = part;
      if (!first) break;
      const [row] = await tx
        .insert(runs)
        .values({ ...freshPart(run), id: deriveBatchId(first.fileKey), eventKey: first.eventKey, updatedAtMs: nowMs })
        .returning();
      if (!row) continue;
      const keys = part.map(({ fileKey }) => fileKey);
      await tx.update(runFiles).set({ runId: row.id }).where(inArray(runFiles.fileKey, keys));
      await moveNames(tx, run, row, part);
      await recountFiles(tx, row.id);
      made.push({ ...row, fileCount: part.length });
    }
    await recountFiles(tx, runId);
    return made;
  });
}

/** A part of a batch that nothing was done for yet; what the batch was made with, it keeps. */
const freshPart = (run: RunRow) => ({
  ...run,
  status: "queued" as const,
  queue: "runs" as const,
  generation: 0,
  queuedAtMs: null,
  notBeforeMs: 0,
  failures: 0,
  leaseOwner: null,
  leaseUntilMs: 0,
  waitingApp: null,
  difyUploadId: null,
  progress: null,
  warning: null,
  ...NO_FAULT,
  startedAtMs: null,
});
